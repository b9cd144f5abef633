import { expect, test } from "vitest";
import { ApiError } from "../../api/client";
import { emptyForm, parametersOf, problemsOf } from "./form";
import { place } from "./refusal";

const refused = (code: string, detail: string) => new ApiError(422, code, detail, null);

test.each([
  [
    "route_clash",
    "route `/b` of function `a` clashes with route `/{x}` of function `hello`: give one of them another route, or other methods",
    { field: "route", index: 1, other: "hello", text: expect.stringContaining("“/{x}” is a route of hello already") },
  ],
  [
    "trigger_missing",
    "the component handles MQTT messages, but no topic starts it: add `?topic=sensors/%2B/temperature` to the upload",
    { field: "topic" },
  ],
  [
    "trigger_missing",
    "the component runs on schedules, but has none: add `?schedule=*/5+*+*+*+*` to the upload",
    { field: "schedule", suggestion: "*/5 * * * *" },
  ],
  [
    "grant_missing",
    "the component uses key-value state (`wasi:keyvalue/store`), but is granted no bucket: add `?bucket=default`",
    { field: "bucket", suggestion: "default" },
  ],
  ["grant_missing", "… is granted no topic: add `?publish=alerts/%23` to the upload", { field: "publish" }],
  ["parameter_invalid", "query parameter `topic`: `a#` is not a topic filter", { field: "topic", index: 0 }],
  ["parameter_invalid", "query parameter `memory`: `64` is not a size", { field: "memory" }],
  ["manifest_invalid", "limits.timeout: `2h` is outside of what this host allows: 1ms to 10m", { field: "timeout" }],
  ["manifest_invalid", "schedule.cron: `0 0 30 2 *` never runs: it names no time to come", { field: "schedule" }],
  ["export_missing", "the manifest has http triggers, but the component does not export `x`", { field: "route" }],
  ["invalid_name", "`A` is not a name", { field: "name" }],
])("%s: %s", (code, detail, expected) => {
  const form = { ...emptyForm, route: ["/a", "/b"], schedule: ["0 0 30 2 *"], timeout: "2h" };
  expect(place(refused(code, detail), form)).toMatchObject(expected);
});

test.each([
  ["manifest_invalid", "limits.timeout: `2h` is outside of what this host allows: 1ms to 10m"],
  ["export_missing", "the manifest has mqtt triggers, but the component does not export `x`"],
  ["parameter_invalid", "query parameter `rout`: it is unknown"],
  ["component_invalid", "the component is damaged"],
])("what comes of the manifest or the component itself has no field: %s", (code, detail) => {
  expect(place(refused(code, detail), emptyForm)).toBeNull();
});

test("what is entered, as parameters", () => {
  const form = { ...emptyForm, route: [" /a ", ""], publish: ["alerts/#"], rate: " 5/s" };
  expect(parametersOf(form)).toEqual({ route: ["/a"], publish: ["alerts/#"], rate: "5/s" });
});

test("problems are known by their place", () => {
  const form = { ...emptyForm, route: ["/a", "b", "/a", ""], memory: "64" };
  expect([...problemsOf(form).keys()]).toEqual(["route.1", "route.2", "memory"]);
});
