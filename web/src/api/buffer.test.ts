import { expect, test } from "vitest";
import { Buffer, isGap } from "./buffer";

const raw = (n: number): string => JSON.stringify({ n });

test("keeps what arrived in its order", () => {
  const buffer = new Buffer(10);
  buffer.push("invocation", raw(1));
  buffer.push("deploy", raw(2));
  expect(buffer.flush().map(({ type, data }) => [type, data])).toEqual([
    ["invocation", { n: 1 }],
    ["deploy", { n: 2 }],
  ]);
  expect(buffer.received).toBe(2);
});

test("keeps the newest, and says how many it skipped", () => {
  const buffer = new Buffer(10);
  for (let n = 0; n < 1000; n++) buffer.push("invocation", raw(n));
  const kept = buffer.flush();
  expect(buffer.received).toBe(1000);
  expect(kept.at(-1)?.data).toEqual({ n: 999 });
  expect(kept[0]?.data).toEqual({ events: 990, by: "tab" });
  expect(kept).toHaveLength(11);
});

test("a gap stands before what came after it", () => {
  const buffer = new Buffer(10);
  buffer.push("log", raw(0));
  buffer.flush();
  buffer.miss(7);
  buffer.push("log", raw(1));
  const kept = buffer.flush();
  expect(kept.map(isGap)).toEqual([false, true, false]);
  expect(kept[1]?.data).toEqual({ events: 7, by: "host" });
  expect(buffer.missed).toBe(7);
});

test("every item has its own number, and they ascend", () => {
  const buffer = new Buffer(5);
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < round * 3; n++) buffer.push("log", raw(n));
    const numbers = buffer.flush().map(({ seq }) => seq);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  }
});

test("what is no JSON is left out", () => {
  const buffer = new Buffer(5);
  buffer.push("log", "{");
  buffer.push("log", raw(1));
  expect(buffer.flush()).toHaveLength(1);
});

test("ten thousand events a second cost little", () => {
  const buffer = new Buffer();
  const event = JSON.stringify({ id: "x".repeat(36), reason: "y".repeat(400) });
  const before = performance.now();
  for (let n = 0; n < 10_000; n++) {
    buffer.push("invocation", event);
    if (n % 2500 === 0) buffer.flush();
  }
  expect(performance.now() - before).toBeLessThan(250);
});
