// What a component does, what starts it, what it may use and what bounds it, as one would say it.
import type { FunctionLimits, Grants, Manifest, Triggers } from "../api/types";
import { bytes, count, duration } from "./format";

/** "publishes to", `alerts/#`, "": the middle is set in the type of code. */
export interface Words {
  does: string;
  what?: string;
  then?: string;
}

export const plain = ({ does, what, then }: Words): string => [does, what, then].filter(Boolean).join(" ");

const HANDLERS: readonly [RegExp, string][] = [
  [/^wasi:http\/(?:incoming-handler@0\.2|handler@0\.3)/, "answers HTTP requests"],
  [/^(?:tidegate:mqtt\/handler@|handle-message$)/, "handles MQTT messages"],
  [/^(?:tidegate:schedule\/handler@|handle-cron-event$)/, "runs on a schedule"],
];
const PROGRAM = /^wasi:cli\/run@/;

/** By what it can be started. Language runtimes export a program as well, which counts where nothing else does. */
export function exportsInWords(exports: readonly string[]): string[] {
  const words = HANDLERS.filter(([name]) => exports.some((one) => name.test(one))).map(([, text]) => text);
  if (words.length === 0 && exports.some((one) => PROGRAM.test(one)))
    return ["answers HTTP requests, as a CGI program"];
  return words;
}

const IMPORTS: readonly [RegExp, string][] = [
  [/^wasi:http\/(?:outgoing-handler|client)/, "HTTP requests to others"],
  [/^wasi:sockets\//, "network connections"],
  [/^(?:wasi:keyvalue\/|fermyon:spin\/key-value|spin:key-value\/)/, "key-value state"],
  [/^(?:fermyon:spin\/sqlite|spin:sqlite\/)/, "SQL"],
  [/^(?:tidegate:mqtt\/client|fermyon:spin\/mqtt|spin:mqtt\/mqtt)/, "publishing MQTT messages"],
  [/^(?:wasi:config\/|fermyon:spin\/(?:config|variables)|spin:variables\/)/, "configuration"],
  [/^wasi:logging\//, "log lines"],
  [/^wasi:filesystem\//, "files of its own"],
  [/^wasi:clocks\//, "clocks"],
  [/^wasi:random\//, "random numbers"],
  [/^wasi:cli\//, "standard input and output"],
];
/** Types and streams, which everything else is made of. */
const PLUMBING =
  /^(?:wasi:io\/|wasi:http\/types|tidegate:mqtt\/types|spin:(?:mqtt-trigger|cron)\/|fermyon:spin-cron\/)/;

/** What it can call; what comes of it is for its grants to say. What has no words keeps its name. */
export function importsInWords(imports: readonly string[]): string[] {
  const words = IMPORTS.filter(([name]) => imports.some((one) => name.test(one))).map(([, text]) => text);
  const others = imports.filter((one) => !PLUMBING.test(one) && !IMPORTS.some(([name]) => name.test(one)));
  return [...words, ...others];
}

/** The host leaves out what is empty. */
type Given = Partial<Grants> | null | undefined;
type Listed = Exclude<keyof Grants, "outbound-auth">;
const list = (grants: Given, kind: Listed): readonly string[] => grants?.[kind] ?? [];

export function grantsInWords(grants: Given, manifest?: Partial<Manifest>): Words[] {
  return [
    ...list(grants, "buckets").map((one) => state("the bucket", one)),
    ...list(grants, "databases").map((one) => state("the SQL database", one)),
    ...list(grants, "publish").map(publish),
    ...list(grants, "outbound").map(outbound),
    ...list(grants, "secrets").map((what) => ({ does: "reads the secret", what })),
    ...headers(grants),
    ...settings(manifest),
  ];
}

function state(kind: string, grant: string): Words {
  const name = grant.replace(/:ro$/, "");
  return { does: `${name === grant ? "reads and writes" : "reads"} ${kind}`, what: name };
}

function publish(what: string): Words {
  if (what === "#") return { does: "publishes to every topic,", what };
  return { does: /[+#]/.test(what) ? "publishes to topics that match" : "publishes to the topic", what };
}

function outbound(what: string): Words {
  const host = what.replace(/^[^:]*:\/\//, "").replace(/:[^:\]]*$/, "");
  if (host === "*") return { does: "connects to any host,", what };
  if (host === "self" || host === "self.alt") return { does: "calls the routes of its own app,", what };
  if (/^(?:localhost|127\.|\[::1\])/.test(host)) return { does: "connects to this machine,", what };
  return { does: "connects to", what };
}

function headers(grants: Given): Words[] {
  return (grants?.["outbound-auth"] ?? []).map(({ destination, header, secret }) => ({
    does: "has the secret",
    what: secret,
    then: `sent to ${destination} as ${header}, without seeing it`,
  }));
}

function settings(manifest: Partial<Manifest> | undefined): Words[] {
  return Object.entries(manifest?.config ?? {}).flatMap(([key, value]) => {
    const secret = typeof value === "object" && value !== null ? (value as { secret?: unknown }).secret : undefined;
    return typeof secret === "string"
      ? [{ does: "reads the secret", what: secret, then: `as its setting ${key}` }]
      : [];
  });
}

/** A trigger as a manifest has it: what only the host adds may be lacking. */
export type AnyTrigger =
  | Triggers["http"][number]
  | (Pick<Triggers["mqtt"][number], "topic"> & Partial<Triggers["mqtt"][number]>)
  | (Pick<Triggers["schedule"][number], "cron"> & Partial<Triggers["schedule"][number]>);

/** "requests to /hello", "messages to sensors/+/temperature", "the schedule 0 3 * * * in Europe/Berlin" */
export function triggerInWords(trigger: AnyTrigger): Words {
  if ("route" in trigger) {
    const methods = trigger.methods?.length ? `${trigger.methods.join(", ")} ` : "";
    return { does: `${methods}requests to`, what: trigger.route };
  }
  if ("topic" in trigger) return { does: "messages to", what: trigger.topic };
  const { cron: what, timezone } = trigger;
  return { does: "the schedule", what, ...(timezone && timezone !== "UTC" ? { then: `in ${timezone}` } : {}) };
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
      meaning: "Events that wait at most; more are refused.",
    },
    {
      key: "rate",
      value: limits.rate ?? "none",
      meaning: limits.rate ? "Requests that are taken; more are refused." : "Requests are not limited by rate.",
    },
    { key: "request-bytes", value: bytes(limits.request_bytes), meaning: "The largest body of a request." },
    { key: "response-bytes", value: bytes(limits.response_bytes), meaning: "The largest body of a response." },
    { key: "log-bytes", value: bytes(limits.log_bytes), meaning: "The most that is kept of its log lines." },
  ];
}
