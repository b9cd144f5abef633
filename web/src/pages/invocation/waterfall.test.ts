import { expect, test } from "vitest";
import { layout, ownTime } from "./waterfall";

const call = (name: string, start_ms: number, duration_ms: number) => ({
  name,
  detail: "",
  start_ms,
  duration_ms,
  error: null,
});
const timed = {
  queue_ms: 10,
  instantiate_ms: 2,
  duration_ms: 90,
  spans: [call("http request", 50, 20), call("keyvalue get", 10, 5)],
};

test("waiting, instantiating, running, then the calls in their order", () => {
  const { bars, from, to } = layout(timed);
  expect([from, to]).toEqual([-10, 90]);
  expect(bars.map(({ name, left, width }) => [name, left.toFixed(2), width.toFixed(2)])).toEqual([
    ["wait in the queue", "0.00", "0.10"],
    ["instantiate", "0.10", "0.02"],
    ["run", "0.12", "0.88"],
    ["keyvalue get", "0.20", "0.05"],
    ["http request", "0.60", "0.20"],
  ]);
});

test("an instantiation that is recorded as a call is not told twice", () => {
  const { bars } = layout({ ...timed, spans: [call("instantiate", 1, 3), ...timed.spans] });
  expect(bars.filter(({ name }) => name === "instantiate")).toMatchObject([
    { kind: "instantiate", start: 1, duration: 3 },
  ]);
  expect(bars.find(({ name }) => name === "run")).toMatchObject({ start: 4, duration: 86 });
});

test("what did not wait has no bar for it", () => {
  const { bars, from } = layout({ ...timed, queue_ms: 0 });
  expect(bars[0]?.name).toBe("instantiate");
  expect(from).toBeCloseTo(0);
});

test("a call that outlives its invocation makes the chart longer", () => {
  expect(layout({ ...timed, spans: [call("http request", 80, 40)] }).to).toBe(120);
});

test("an invocation that took no time at all is drawn", () => {
  const { bars, ticks } = layout({ queue_ms: 0, instantiate_ms: 0, duration_ms: 0, spans: [] });
  for (const { left, width } of bars) expect(left + width).toBeLessThanOrEqual(1);
  expect(ticks.length).toBeLessThan(10);
});

test("the scale has few and round moments, zero among them", () => {
  const { ticks } = layout(timed);
  expect(ticks.map(({ at }) => at)).toEqual([0, 20, 40, 60, 80]);
});

test("own time leaves calls out, those beside one another once", () => {
  const spans = [call("a", 10, 20), call("b", 20, 20), call("c", 85, 50)];
  expect(ownTime(layout({ ...timed, spans }))).toBeCloseTo(88 - 30 - 5);
});
