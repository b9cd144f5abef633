import { expect, test } from "vitest";
import type { Triggers } from "../../api/types";
import { asText, difference, exportsInWords, grantsInWords, importsInWords, triggersInWords } from "./words";

const texts = (...given: Parameters<typeof grantsInWords>) => grantsInWords(...given).map(asText);

test("what can start it", () => {
  expect(exportsInWords(["wasi:http/incoming-handler@0.2.6", "tidegate:mqtt/handler@0.1.0"])).toEqual([
    "answers HTTP requests",
    "handles MQTT messages",
  ]);
  expect(exportsInWords(["handle-cron-event"])).toEqual(["runs on a schedule"]);
  expect(exportsInWords(["wasi:cli/run@0.2.3"])).toEqual(["answers HTTP requests, as a CGI program"]);
  expect(exportsInWords(["wasi:cli/run@0.2.3", "wasi:http/handler@0.3.0"])).toEqual(["answers HTTP requests"]);
  expect(exportsInWords(["acme:paint/brush"])).toEqual([]);
});

test("what it can call; types and streams go without saying", () => {
  expect(
    importsInWords([
      "wasi:io/streams@0.2.3",
      "wasi:http/types@0.2.3",
      "wasi:keyvalue/store@0.2.0-draft2",
      "wasi:keyvalue/batch@0.2.0-draft2",
      "spin:sqlite/sqlite@3.0.0",
      "acme:widgets/paint",
    ]),
  ).toEqual(["key-value state", "SQL", "acme:widgets/paint"]);
});

test("grants as one would say them", () => {
  expect(
    texts({
      buckets: ["default", "readings:ro"],
      databases: ["books"],
      publish: ["alerts/#", "#"],
      outbound: ["https://api.example.com", "*://*:*", "http://self", "tcp://127.0.0.1:502"],
      secrets: ["weather-key"],
    }),
  ).toEqual([
    "reads and writes the bucket default",
    "reads the bucket readings",
    "reads and writes the SQL database books",
    "publishes to alerts/#",
    "publishes to every topic, #",
    "connects to https://api.example.com",
    "connects to any host, *://*:*",
    "calls the routes of its own app, http://self",
    "connects to this machine, tcp://127.0.0.1:502",
    "reads the secret weather-key",
  ]);
});

test("secrets that come by headers and settings are told as well", () => {
  const grants = { "outbound-auth": [{ destination: "https://a", header: "authorization", secret: "key" }] };
  expect(texts(grants, { config: { token: { secret: "t" }, plain: "1" } })).toEqual([
    "has the secret key sent to https://a as authorization, without seeing it",
    "reads the secret t as its setting token",
  ]);
});

test("the host leaves out what is empty", () => {
  expect(texts({})).toEqual([]);
  expect(texts(null)).toEqual([]);
});

const none: Triggers = { http: [], mqtt: [], schedule: [] };

test("what another revision would lose and gain", () => {
  const before: Triggers = { ...none, mqtt: [{ topic: "sensors/#", qos: 1, order: "none" }] };
  const after: Triggers = { ...none, http: [{ route: "/a", methods: ["GET"] }] };
  const grants = { buckets: ["default"], databases: [], publish: [], outbound: [], secrets: [] };
  const { gone, added } = difference(
    { triggers: before, manifest: { grants, limits: { timeout: "5s", cpu: null }, config: { threshold: "30" } } },
    { triggers: after, grants: { ...grants, buckets: ["default:ro"] }, manifest: { config: { threshold: "31" } } },
  );
  expect(gone.map(asText)).toEqual([
    "handles messages on sensors/#",
    "reads and writes the bucket default",
    "has the limit timeout = 5s",
  ]);
  expect(added.map(asText)).toEqual(["answers GET at /a", "reads the bucket default"]);
});

test("schedules name their zone where it is not UTC", () => {
  const schedule = [
    { cron: "0 3 * * *", timezone: "Europe/Berlin", next_runs: [] },
    { cron: "@hourly", timezone: "UTC", next_runs: [] },
  ];
  expect(triggersInWords({ ...none, schedule }).map(asText)).toEqual([
    "runs at 0 3 * * * in Europe/Berlin",
    "runs at @hourly",
  ]);
});
