import { expect, test } from "vitest";
import type { HostInfo } from "../../api/types";
import { emptyDevice, fieldOf, linesOf, problemsOf, settingsOf, tryLine } from "./devices";

const host = { mqtt_urls: ["mqtt://127.0.0.1:1883"] } as HostInfo;

test("one filter a line", () => {
  expect(linesOf(" a/# \n\n b\n")).toEqual(["a/#", "b"]);
});

test("what is wrong is told at its field", () => {
  const form = { name: "Boiler", publish: "a/#\nb#", subscribe: "%x", certificates: "a\n".repeat(9) };
  expect(problemsOf(form)).toEqual({
    name: "Use small letters only.",
    publish: "b#: “#” stands alone in the last level, as in sensors/#.",
    subscribe: expect.stringContaining("%x: After “%”"),
    certificates: "At most 8 names.",
  });
  expect(problemsOf({ ...emptyDevice, name: "boiler", publish: "a\n".repeat(65) })).toEqual({
    publish: "At most 64 filters: use wildcards.",
  });
  expect(problemsOf({ ...emptyDevice, name: "boiler" })).toEqual({});
});

test("a new device's certificates are left out where none are entered, and a known one's are not", () => {
  const form = { ...emptyDevice, name: "a", publish: "x" };
  expect(settingsOf(form, true)).toEqual({ publish: ["x"], subscribe: [] });
  expect(settingsOf(form, false)).toEqual({ publish: ["x"], subscribe: [], certificates: [] });
});

test.each([
  ["`publish`: `a#` is not a topic filter", "publish"],
  ["`subscribe` has more than 64 filters", "subscribe"],
  ["a certificate's name has 1 to 256 bytes", "certificates"],
  ["a device has at most 8 names in certificates", "certificates"],
  ["there are too many devices", null],
])("%s belongs to %s", (detail, field) => expect(fieldOf(detail)).toBe(field));

test("the line to try a device with", () => {
  expect(tryLine({ name: "boiler-1", publish: ["sensors/%u/#"] }, "p!w", host)).toBe(
    "mosquitto_pub -h 127.0.0.1 -p 1883 -u boiler-1 -P 'p!w' -t sensors/boiler-1/test -m hello",
  );
  expect(tryLine({ name: "b", publish: ["%c/+"] }, "x", host)).toContain("-i b -u b -P x -t b/test");
  expect(tryLine({ name: "b", publish: [] }, "x", host)).toBeNull();
  expect(tryLine({ name: "b", publish: ["a"] }, "x", null)).toBeNull();
});
