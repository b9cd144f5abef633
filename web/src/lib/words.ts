// What a function may do, what starts it and what bounds it, in words.
import type { FunctionLimits, Grants, Triggers } from "../api/types";
import { bytes, count, duration } from "./format";

type HttpTrigger = Triggers["http"][number];
type MqttTrigger = Triggers["mqtt"][number];
type ScheduleTrigger = Triggers["schedule"][number];
/** A trigger as a manifest has it: what only the host adds may be lacking. */
export type AnyTrigger =
  | HttpTrigger
  | (Pick<MqttTrigger, "topic"> & Partial<MqttTrigger>)
  | (Pick<ScheduleTrigger, "cron"> & Partial<ScheduleTrigger>);

interface OutboundAuth {
  destination: string;
  header: string;
  secret: string;
}

/** One sentence for each grant; none where nothing is granted. A host may leave empty lists out. */
export function grantsInWords(grants: Partial<Grants> | null | undefined): string[] {
  const given = grants ?? {};
  return [
    ...(given.buckets ?? []).map((grant) => stateInWords("bucket", grant)),
    ...(given.databases ?? []).map((grant) => stateInWords("database", grant)),
    ...(given.publish ?? []).map((filter) =>
      /[+#]/.test(filter) ? `Publishes to topics that match ${filter}` : `Publishes to the topic ${filter}`,
    ),
    ...(given.outbound ?? []).map((destination) => `Connects to ${destination}`),
    ...outboundAuth(given).map(
      ({ destination, header, secret }) =>
        `Has the header ${header} added to its requests to ${destination}, made of the secret ${secret} that it does not see`,
    ),
    ...(given.secrets ?? []).map((name) => `Reads the secret ${name}`),
  ];
}

/** Headers that the host adds to a function's requests: in the manifest's spelling, or in the API's. */
export function outboundAuth(grants: object): OutboundAuth[] {
  const { "outbound-auth": written, outbound_auth: told } = grants as Record<string, unknown>;
  const found = written ?? told;
  return Array.isArray(found) ? (found as OutboundAuth[]) : [];
}

/** A bucket or a database: `name`, or `name:ro`. */
function stateInWords(kind: string, grant: string): string {
  return grant.endsWith(":ro") ? `Reads the ${kind} ${grant.slice(0, -3)}` : `Reads and writes the ${kind} ${grant}`;
}

/** "Requests to /hello", "Messages to sensors/+/temperature", "Runs at 0 3 * * * (Europe/Berlin)" */
export function triggerInWords(trigger: AnyTrigger): string {
  if ("route" in trigger) {
    const methods = trigger.methods?.length ? `${trigger.methods.join(", ")} requests` : "Requests";
    return `${methods} to ${trigger.route}`;
  }
  if ("topic" in trigger) {
    const { topic, qos, order } = trigger;
    const more = [
      qos === undefined ? "" : `QoS ${qos}`,
      order === undefined ? "" : order === "none" ? "in any order" : "in order for each topic",
    ].filter(Boolean);
    return `Messages to ${topic}${more.length ? ` (${more.join(", ")})` : ""}`;
  }
  return `Runs at ${trigger.cron} (${trigger.timezone || "UTC"})`;
}

export interface LimitInWords {
  /** The key in `[limits]` of a manifest. */
  key: string;
  value: string;
  meaning: string;
}

export function limitsInWords(limits: FunctionLimits): LimitInWords[] {
  return [
    { key: "timeout", value: duration(limits.timeout_ms), meaning: "The longest that an invocation may take." },
    { key: "cpu", value: duration(limits.cpu_ms), meaning: "The longest that it may compute." },
    { key: "memory", value: bytes(limits.memory_bytes), meaning: "The most memory that it may have." },
    { key: "concurrency", value: count(limits.concurrency), meaning: "Invocations at once." },
    {
      key: "queue",
      value: count(limits.queue),
      meaning: "Events that wait for their turn; further ones are refused.",
    },
    {
      key: "rate",
      value: limits.rate ?? "none",
      meaning: limits.rate ? "Requests that are taken; further ones are refused." : "Requests are not limited by rate.",
    },
    { key: "request-bytes", value: bytes(limits.request_bytes), meaning: "The largest body of a request." },
    { key: "response-bytes", value: bytes(limits.response_bytes), meaning: "The largest body of a response." },
    { key: "log-bytes", value: bytes(limits.log_bytes), meaning: "The most that is kept of what one invocation logs." },
  ];
}
