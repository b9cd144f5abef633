import { expect, test } from "vitest";
import { durationText, sizeText } from "./quantities";

test("as a manifest writes them", () => {
  expect([0, 500, 5000, 90_000, 120_000, 86_400_000].map(durationText)).toEqual([
    "0ms",
    "500ms",
    "5s",
    "90s",
    "2m",
    "1d",
  ]);
  expect([0, 100, 1024, 67_108_864, 1_073_741_824].map(sizeText)).toEqual(["0B", "100B", "1KiB", "64MiB", "1GiB"]);
});
