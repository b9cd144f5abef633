// What a function that has just been deployed can be tried with: one trial for each of its triggers.
import type { FunctionSummary, HostInfo } from "../../api/types";
import { curlLine, exampleOf, exampleTopic, hasBody, mosquittoLine } from "../../lib/examples";

export interface Trial {
  key: string;
  title: string;
  /** Null where nothing on a command line does it. */
  command: string | null;
  /** For POST /functions/{name}/invoke. */
  event: object;
}

const BODY = '{"value":21.5}';
/** A number is JSON too, and the most likely that a device sends. */
const PAYLOAD = "21.5";
const TRIALS_MAX = 4;

export function trialsOf({ triggers, urls }: FunctionSummary, host: HostInfo | null): Trial[] {
  const http = triggers.http.map(({ route, methods }, index) => httpTrial(route, methods ?? [], urls[index], host));
  const mqtt = triggers.mqtt.map(({ topic, qos }) => mqttTrial(topic, qos, host));
  const schedule = triggers.schedule.slice(0, 1).map(({ cron }) => ({
    key: "schedule",
    title: `As if ${cron} were due`,
    command: null,
    event: { schedule: {} },
  }));
  return [...http, ...mqtt, ...schedule].slice(0, TRIALS_MAX);
}

function httpTrial(route: string, methods: readonly string[], url: string | undefined, host: HostInfo | null): Trial {
  const method = methods.includes("GET") ? "GET" : (methods[0] ?? "GET");
  const path = exampleOf(route);
  const origin = /^https?:\/\/[^/]+/.exec(url ?? host?.http_url ?? "")?.[0];
  const body = hasBody(method) ? BODY : undefined;
  return {
    key: `http ${method} ${route}`,
    title: `${method} ${path}`,
    command: origin ? curlLine({ method, url: origin + path, ...(body ? { body } : {}) }) : null,
    event: {
      http: { method, path, headers: body ? [["content-type", "application/json"]] : [], ...(body ? { body } : {}) },
    },
  };
}

function mqttTrial(filter: string, qos: number, host: HostInfo | null): Trial {
  const topic = exampleTopic(filter);
  return {
    key: `mqtt ${filter}`,
    title: `A message on ${topic}`,
    command: mosquittoLine(host?.mqtt_urls ?? [], { topic, payload: PAYLOAD, qos }),
    event: { mqtt: { topic, payload: PAYLOAD, qos, retain: false } },
  };
}
