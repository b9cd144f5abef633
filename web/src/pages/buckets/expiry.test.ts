import { expect, test } from "vitest";
import { remaining } from "./expiry";

test.each([
  [null, ""],
  ["", ""],
  ["2026-01-01T00:00:00Z", "1s"],
  ["2026-01-01T00:00:59Z", "59s"],
  ["2026-01-01T00:09:59.5Z", "600s"],
  ["2026-01-01T00:42:00.001Z", "43m"],
  ["2026-01-02T00:00:00Z", "24h"],
  ["2026-02-01T00:00:00Z", "31d"],
])("until %s: %s", (expiresAt, left) => {
  expect(remaining(expiresAt, Date.parse("2026-01-01T00:00:00Z"))).toBe(left);
});
