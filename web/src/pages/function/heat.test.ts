import { expect, test } from "vitest";
import { classInWords, heatOf, levelOf, minutesOf, thresholds } from "./heat";

const NOW = Date.parse("2026-04-17T12:00:30Z");
const history = (slots: { at: string; invocations: number; failures: number; latencies: number[] }[]) => ({
  slot_seconds: 60,
  bounds_ms: [1, 5, 1000],
  slots,
});

test("minutes in which nothing ran are there as well", () => {
  const minutes = minutesOf(
    history([{ at: "2026-04-17T11:59:00Z", invocations: 3, failures: 1, latencies: [1, 2, 0, 0] }]),
    NOW,
  );
  expect(minutes).toHaveLength(60);
  expect(minutes.at(-1)).toEqual({
    at: Date.parse("2026-04-17T12:00:00Z"),
    invocations: 0,
    failures: 0,
    latencies: [],
  });
  expect(minutes.at(-2)?.invocations).toBe(3);
});

test("a host whose clock is ahead loses no minute", () => {
  const minutes = minutesOf(
    history([{ at: "2026-04-17T12:04:00Z", invocations: 3, failures: 0, latencies: [3] }]),
    NOW,
  );
  expect(minutes.at(-1)?.invocations).toBe(3);
});

test("classes that nobody used are left out, but for one on both sides", () => {
  const slot = { at: "2026-04-17T12:00:00Z", invocations: 9, failures: 0 };
  expect(heatOf(history([{ ...slot, latencies: [9, 0, 0, 0] }]), NOW).classes.map(({ text }) => text)).toEqual([
    "≤ 1 ms",
    "≤ 5 ms",
  ]);
  const heat = heatOf(history([{ ...slot, latencies: [0, 0, 0, 9] }]), NOW);
  expect(heat.classes.map(({ index }) => index)).toEqual([2, 3]);
  expect(heat.most).toBe(9);
  expect(heatOf(history([]), NOW).classes).toHaveLength(4);
});

test("a class is named by its upper bound", () => {
  expect([0, 1, 2, 3].map((index) => classInWords([0.5, 5, 2500], index))).toEqual([
    "≤ 500 µs",
    "≤ 5 ms",
    "≤ 2.5 s",
    "over 2.5 s",
  ]);
});

test("levels go by the order of magnitude", () => {
  expect(levelOf(0, 1000)).toBe(0);
  expect(levelOf(1, 1)).toBe(5);
  expect([1, 5, 6, 40, 200, 1000].map((value) => levelOf(value, 1000))).toEqual([1, 1, 2, 3, 4, 5]);
  expect(thresholds(10_000)).toEqual([1, 10, 100, 1000, 10_000]);
});

test("each threshold is the first value of its level", () => {
  for (const most of [2, 7, 90, 1234]) {
    for (const [index, least] of thresholds(most).entries())
      expect(levelOf(least, most)).toBeGreaterThanOrEqual(index + 1);
  }
});
