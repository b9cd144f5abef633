// What a function that has just been deployed can be tried with: one trial for each of its triggers.
import type { FunctionSummary, HostInfo } from "../../api/types";
import { EXAMPLE_PAYLOAD, curlLine, exampleRequest, exampleTopic, mosquittoLine, originOf } from "../../lib/examples";

export interface Trial {
  key: string;
  title: string;
  /** Null where nothing on a command line does it. */
  command: string | null;
  /** For POST /functions/{name}/invoke. */
  event: object;
}

type HttpTrigger = FunctionSummary["triggers"]["http"][number];
const TRIALS_MAX = 4;

export function trialsOf({ triggers, urls }: FunctionSummary, host: HostInfo | null): Trial[] {
  const http = triggers.http.map((trigger, index) => httpTrial(trigger, urls[index], host));
  const mqtt = triggers.mqtt.map(({ topic, qos }) => mqttTrial(topic, qos, host));
  const schedule = triggers.schedule.slice(0, 1).map(({ cron }) => ({
    key: "schedule",
    title: `As if ${cron} were due`,
    command: null,
    event: { schedule: {} },
  }));
  return [...http, ...mqtt, ...schedule].slice(0, TRIALS_MAX);
}

function httpTrial(trigger: HttpTrigger, url: string | undefined, host: HostInfo | null): Trial {
  const { path, ...request } = exampleRequest(trigger);
  const origin = originOf(url) ?? originOf(host?.http_url);
  return {
    key: `http ${request.method} ${trigger.route}`,
    title: `${request.method} ${path}`,
    command: origin && curlLine({ ...request, url: origin + path }),
    event: { http: { ...request, path, headers: request.body ? [["content-type", "application/json"]] : [] } },
  };
}

function mqttTrial(filter: string, qos: number, host: HostInfo | null): Trial {
  const topic = exampleTopic(filter);
  return {
    key: `mqtt ${filter}`,
    title: `A message on ${topic}`,
    command: mosquittoLine(host?.mqtt_urls ?? [], { topic, payload: EXAMPLE_PAYLOAD, qos }),
    event: { mqtt: { topic, payload: EXAMPLE_PAYLOAD, qos, retain: false } },
  };
}
