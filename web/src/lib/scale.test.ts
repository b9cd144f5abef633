import { expect, test } from "vitest";
import { roundStep, scale } from "./scale";

test("steps are 1, 2 or 5 times a power of ten", () => {
  expect([0.3, 1, 1.2, 3, 5.5, 70].map(roundStep)).toEqual([0.5, 1, 2, 5, 10, 100]);
});

test("a scale reaches as far as the largest value, in few steps", () => {
  expect(scale(83, 4)).toEqual({ top: 100, ticks: [0, 50, 100] });
  expect(scale(4, 4)).toEqual({ top: 4, ticks: [0, 1, 2, 3, 4] });
  for (const most of [0, 0.2, 1, 7, 99, 12_345]) {
    const { top, ticks } = scale(most, 4);
    expect(top).toBeGreaterThanOrEqual(most);
    expect(top).toBeGreaterThan(0);
    expect(ticks.length).toBeLessThan(7);
  }
});
