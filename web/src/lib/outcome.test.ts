import { expect, test } from "vitest";
import { blameInWords, outcomeInWords, reasonParts } from "./outcome";

test("an outcome that this page does not know is told by its word", () => {
  expect(outcomeInWords("too_old").what).toBe("It ended with: too old.");
  expect(outcomeInWords("timeout").todo).toContain("limits.timeout");
  expect(blameInWords(null)).toBe("");
  expect(blameInWords("guest")).toContain("function");
});

test("a reason begins with a sentence; a backtrace follows", () => {
  expect(reasonParts("no reading")).toEqual({ first: "no reading", rest: "", isLong: false });
  expect(reasonParts("aborted: unreachable\n  0: a\n  1: b\n")).toEqual({
    first: "aborted: unreachable",
    rest: "  0: a\n  1: b",
    isLong: false,
  });
  expect(reasonParts(`aborted\n${"  0: a\n".repeat(40)}`).isLong).toBe(true);
});

test("the cause that the runtime names at the end stands in the sentence", () => {
  const reason =
    "the function was aborted: error while executing at wasm backtrace:\n    0:   0xb9c1 - a.wasm!abort\n    1: b\n\n" +
    "Caused by:\n    wasm trap: wasm `unreachable` instruction executed\n";
  expect(reasonParts(reason)).toEqual({
    first: "the function was aborted: error while executing: wasm trap: wasm `unreachable` instruction executed",
    rest: "    0:   0xb9c1 - a.wasm!abort\n    1: b",
    isLong: false,
  });
});
