import { expect, test } from "vitest";
import { filterMatches, publishProblem, tailProblem } from "./mqtt";

test("a topic to publish to has no wildcards, is not the broker's own, and not too long", () => {
  expect(publishProblem("sensors/boiler-1/temperature")).toBeNull();
  expect(publishProblem("/a//b ")).toBeNull();
  expect(publishProblem("<img src=x onerror=alert(1)>")).toBeNull();
  for (const wrong of ["", "a/+/b", "a/#", "$SYS/uptime", "a\0b", "ü".repeat(513)]) {
    expect(publishProblem(wrong)).not.toBeNull();
  }
});

test("wildcards of a filter take whole levels, and # the last", () => {
  for (const right of ["#", "+", "a/+/b", "a/#", "+/+/#", "/", "$SYS/#"]) expect(tailProblem(right)).toBeNull();
  for (const wrong of ["", "a#", "a/#/b", "#/a", "a+/b", "a/+b", "$share/x/a", "a\0"]) {
    expect(tailProblem(wrong)).not.toBeNull();
  }
});

test.each([
  ["#", "a/b", true],
  ["#", "$SYS/a", false],
  ["+/a", "$SYS/a", false],
  ["$SYS/#", "$SYS/a", true],
  ["a/#", "a", true],
  ["a/#", "ab", false],
  ["a/+", "a/b", true],
  ["a/+", "a", false],
  ["a/+", "a/b/c", false],
  ["+/+", "/a", true],
  ["a/b", "a/b", true],
  ["a/b", "a/B", false],
])("%s on %s: %s", (filter, topic, matches) => expect(filterMatches(filter, topic)).toBe(matches));
