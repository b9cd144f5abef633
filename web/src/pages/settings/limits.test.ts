import { expect, test } from "vitest";
import { limitText, sentence } from "./limits";

test("limits in their units", () => {
  expect(limitText({ value: 67_108_864, unit: "bytes" })).toBe("64 MiB");
  expect(limitText({ value: 90, unit: "seconds" })).toBe("1 min 30 s");
  expect(limitText({ value: 20_000, unit: "count" })).toBe("20\u202f000");
});

test("what a limit means, as a sentence", () => {
  expect(sentence("one secret")).toBe("One secret.");
  expect(sentence("The longest key of a bucket.")).toBe("The longest key of a bucket.");
  expect(sentence("the most for a function's limit `cpu`")).toBe("The most for a function's limit `cpu`.");
});
