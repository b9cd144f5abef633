import { expect, test } from "vitest";
import { healthInWords } from "./health";

const activity = (per_minute: number[], failures_per_minute: number[]) => ({
  per_minute,
  failures_per_minute,
  p50_ms: null,
  p99_ms: null,
  last_at: null,
  last_failure_at: null,
  in_flight: 0,
  queued: 0,
});
const hour = (at: Record<number, number>) => Array.from({ length: 60 }, (_, minute) => at[minute] ?? 0);

test.each([
  [hour({}), hour({}), "idle"],
  [hour({ 3: 9 }), hour({}), "healthy"],
  [hour({ 3: 9, 50: 9 }), hour({ 3: 1 }), "recovered"],
  [hour({ 3: 9, 50: 9 }), hour({ 50: 1 }), "failing"],
])("%#: is %s", (ran, failed, word) => expect(healthInWords(activity(ran, failed))?.word).toBe(word));

test("that everything fails is said", () => {
  expect(healthInWords(activity(hour({ 59: 12 }), hour({ 59: 12 })))?.text).toBe(
    "All of the last 12 invocations failed, in 15 minutes.",
  );
  expect(healthInWords(undefined)).toBeNull();
});
