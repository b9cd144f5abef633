import { expect, test } from "vitest";
import { type AnyTrigger, grantsInWords, limitsInWords, triggerInWords } from "./words";

test("grants are sentences, and lists that a host leaves out are empty", () => {
  expect(grantsInWords(null)).toEqual([]);
  expect(grantsInWords({ buckets: ["default", "readings:ro"], publish: ["alerts/#", "site/state"] })).toEqual([
    "Reads and writes the bucket default",
    "Reads the bucket readings",
    "Publishes to topics that match alerts/#",
    "Publishes to the topic site/state",
  ]);
  expect(grantsInWords({ outbound: ["https://api.example.com"], secrets: ["weather-key"] })).toEqual([
    "Connects to https://api.example.com",
    "Reads the secret weather-key",
  ]);
});

test("headers that the host adds are told in either spelling", () => {
  const auth = [{ destination: "https://api.example.com", header: "authorization", secret: "key" }];
  const [told] = grantsInWords({ "outbound-auth": auth } as object);
  expect(told).toContain("made of the secret key");
  expect(grantsInWords({ outbound_auth: auth } as object)).toEqual([told]);
});

test.each([
  [{ route: "/hello" }, "Requests to /hello"],
  [{ route: "/hello", methods: ["GET", "POST"] }, "GET, POST requests to /hello"],
  [{ topic: "a/+", qos: 1, order: "per-topic" }, "Messages to a/+ (QoS 1, in order for each topic)"],
  [{ topic: "a/+" }, "Messages to a/+"],
  [{ cron: "0 3 * * *", timezone: "Europe/Berlin" }, "Runs at 0 3 * * * (Europe/Berlin)"],
  [{ cron: "* * * * *" }, "Runs at * * * * * (UTC)"],
])("%o in words", (trigger, text) => expect(triggerInWords(trigger as AnyTrigger)).toBe(text));

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
