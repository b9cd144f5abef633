import { expect, test } from "vitest";
import { bytes, compact, count, duration, percent, plural, rate, relative, short, span } from "./format";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [1_048_575, "1.0 MiB"],
  [67_108_864, "64 MiB"],
])("%d bytes are %s", (value, text) => expect(bytes(value)).toBe(text));

test.each([
  [null, "–"],
  [0, "0 ms"],
  [0.0421, "42 µs"],
  [0.9996, "1.0 ms"],
  [12.34, "12.3 ms"],
  [99.96, "100 ms"],
  [1500, "1.5 s"],
  [59_960, "1 min"],
  [95_000, "1 min 35 s"],
])("%d ms are %s", (value, text) => expect(duration(value)).toBe(text));

test.each([
  [0, "0 s"],
  [59, "59 s"],
  [3600, "1 h"],
  [3601, "1 h"],
  [93_784, "1 d 2 h"],
])("%d s are %s", (value, text) => expect(span(value)).toBe(text));

test("counts are grouped, and short where they are large", () => {
  expect(count(1_234_567)).toBe("1\u202f234\u202f567");
  expect(compact(9999)).toBe("9\u202f999");
  expect(compact(12_345)).toBe("12.3\u00a0k");
  expect(compact(1_284_022)).toBe("1.3\u00a0M");
});

test("rates below one in ten seconds are by the minute", () => {
  expect(rate(0)).toBe("0/s");
  expect(rate(0.05)).toBe("3.0/min");
  expect(rate(4.26)).toBe("4.3/s");
  expect(rate(1200)).toBe("1\u202f200/s");
});

test("times near and far, past and future", () => {
  expect(relative(1000, 2000)).toBe("just now");
  expect(relative(0, 45_000)).toBe("45 s ago");
  expect(relative(0, 7_199_000)).toBe("1 h ago");
  expect(relative(300_000, 0)).toBe("in 5 min");
});

test("small words", () => {
  expect(percent(0.005)).toBe("0.5 %");
  expect(percent(0.5)).toBe("50 %");
  expect(plural(1, "key")).toBe("1 key");
  expect(plural(2, "inbox", "inboxes")).toBe("2 inboxes");
  expect(short("sha256:0123456789abcdef")).toBe("01234567");
});
