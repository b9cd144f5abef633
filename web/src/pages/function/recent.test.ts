import { expect, test } from "vitest";
import type { LiveItem } from "../../api/live";
import type { Invocation } from "../../api/types";
import { matches, merged, timesOf } from "./recent";

const invocation = (id: string, second: number, outcome = "ok"): Invocation => ({
  id,
  trigger: "http",
  revision: 1,
  event: "GET /hello",
  started_at: `2026-04-17T12:00:${String(second).padStart(2, "0")}Z`,
  duration_ms: 10,
  cpu_ms: 1,
  queue_ms: 2,
  instantiate_ms: 3,
  memory_peak_bytes: 1,
  trace_id: "t",
  status: 200,
  outcome,
  blame: null,
  reason: "",
});
const item = (seq: number, data: Invocation, name = "hello"): LiveItem => ({
  seq,
  type: "invocation",
  data: { ...data, function: name },
});
const ids = (list: readonly Invocation[]) => list.map(({ id }) => id);

test("those that ended since come first, newest first, and nothing twice", () => {
  const items = [
    item(1, invocation("b", 2)),
    item(2, invocation("c", 3)),
    item(3, invocation("d", 4)),
    item(4, invocation("x", 5), "other"),
  ];
  expect(ids(merged(items, [invocation("b", 2), invocation("a", 1)], "hello", false))).toEqual(["d", "c", "b", "a"]);
});

test("what the host no longer keeps is not taken for new", () => {
  expect(ids(merged([item(1, invocation("old", 0))], [invocation("b", 2)], "hello", false))).toEqual(["b"]);
});

test("only failures where only they are wanted", () => {
  const items = [item(1, invocation("b", 2)), item(2, invocation("c", 3, "trap"))];
  expect(ids(merged(items, [], "hello", true))).toEqual(["c"]);
});

test("the filter looks at what is shown, and at ids", () => {
  const one = { ...invocation("0a1b", 1, "guest_error"), status: 500 };
  for (const wanted of ["", "hello", "guest", "0a1b", "500"]) expect(matches(one, wanted)).toBe(true);
  expect(matches(one, "mqtt")).toBe(false);
});

test("time is what was waited, and the parts of what was run", () => {
  expect(timesOf(invocation("a", 1))).toEqual({ queue: 2, instantiate: 3, run: 7, total: 12 });
  expect(timesOf({})).toEqual({ queue: 0, instantiate: 0, run: 0, total: 0 });
});
