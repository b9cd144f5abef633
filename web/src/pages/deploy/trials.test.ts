import { expect, test } from "vitest";
import type { FunctionSummary, HostInfo } from "../../api/types";
import { trialsOf } from "./trials";

const host = { http_url: "http://127.0.0.1:3000", mqtt_urls: ["mqtt://127.0.0.1:1883"] } as HostInfo;
const summary = (triggers: Partial<FunctionSummary["triggers"]>, urls: string[] = []) =>
  ({ triggers: { http: [], mqtt: [], schedule: [], ...triggers }, urls }) as unknown as FunctionSummary;

test("a request, with its parameters filled in", () => {
  const [trial] = trialsOf(
    summary({ http: [{ route: "/t/{device}", methods: [] }] }, ["http://edge:8080/t/{device}"]),
    host,
  );
  expect(trial).toMatchObject({
    title: "GET /t/device-1",
    command: "curl http://edge:8080/t/device-1",
    event: { http: { method: "GET", path: "/t/device-1", headers: [] } },
  });
});

test("where GET is not among the methods, the first one with a body", () => {
  const [trial] = trialsOf(summary({ http: [{ route: "/in", methods: ["POST", "PUT"] }] }), host);
  expect(trial?.command).toBe(`curl -d '{"value":21.5}' http://127.0.0.1:3000/in`);
  expect(trial?.event).toMatchObject({ http: { method: "POST", body: '{"value":21.5}' } });
});

test("a message, and a tick that only the host can make", () => {
  const schedule = [{ cron: "@hourly", timezone: "UTC", next_runs: [] }];
  const [message, tick] = trialsOf(summary({ mqtt: [{ topic: "a/+", qos: 1, order: "none" }], schedule }), host);
  expect(message?.command).toBe(`mosquitto_pub -h 127.0.0.1 -p 1883 -q 1 -t a/example-1 -m 21.5`);
  expect(tick).toMatchObject({ command: null, event: { schedule: {} } });
});

test("without an address there is no line, but still a trial", () => {
  const [message] = trialsOf(summary({ mqtt: [{ topic: "a", qos: 0, order: "none" }] }), null);
  expect(message).toMatchObject({ command: null, title: "A message on a" });
});
