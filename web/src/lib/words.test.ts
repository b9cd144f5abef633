import { expect, test } from "vitest";
import {
  type AnyTrigger,
  plain,
  exportsInWords,
  grantsInWords,
  importsInWords,
  limitsInWords,
  triggerInWords,
} from "./words";

const texts = (...given: Parameters<typeof grantsInWords>) => grantsInWords(...given).map(plain);

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
      publish: ["alerts/#", "site/state", "#"],
      outbound: ["https://api.example.com", "*://*:*", "http://self", "tcp://127.0.0.1:502"],
      secrets: ["weather-key"],
    }),
  ).toEqual([
    "reads and writes the bucket default",
    "reads the bucket readings",
    "reads and writes the SQL database books",
    "publishes to topics that match alerts/#",
    "publishes to the topic site/state",
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

test.each([
  [{ route: "/hello" }, "requests to /hello"],
  [{ route: "/hello", methods: ["GET", "POST"] }, "GET, POST requests to /hello"],
  [{ topic: "a/+", qos: 1, order: "per-topic" }, "messages to a/+"],
  [{ topic: "a/+" }, "messages to a/+"],
  [{ cron: "0 3 * * *", timezone: "Europe/Berlin" }, "the schedule 0 3 * * * in Europe/Berlin"],
  [{ cron: "@hourly", timezone: "UTC" }, "the schedule @hourly"],
  [{ cron: "* * * * *" }, "the schedule * * * * *"],
])("%o in words", (trigger, text) => expect(plain(triggerInWords(trigger as AnyTrigger))).toBe(text));

test("limits have a value and a meaning each", () => {
  const limits = limitsInWords({
    timeout_ms: 5000,
    cpu_ms: 500,
    memory_bytes: 67_108_864,
    concurrency: 64,
    queue: 1000,
    request_bytes: 1024,
    response_bytes: 1024,
    log_bytes: 1024,
    rate: null,
  });
  expect(limits.map(({ key, value }) => `${key} ${value}`)).toContain("timeout 5.0 s");
  expect(limits.find(({ key }) => key === "rate")?.meaning).toBe("Requests are not limited by rate.");
});
