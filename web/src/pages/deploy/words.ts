// What a component does, and what it may use, as one would say it.
import type { Grants, Manifest, Triggers } from "../../api/types";

/** "publishes to", `alerts/#`, "": the middle is set in the type of code. */
export interface Words {
  does: string;
  what: string;
  then?: string;
}

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
type Given = Grants | null | undefined;
type Written = Partial<Manifest>;
type Listed = Exclude<keyof Grants, "outbound-auth">;
const list = (grants: Given, kind: Listed): readonly string[] => grants?.[kind] ?? [];

export function grantsInWords(grants: Given, manifest?: Written): Words[] {
  return [
    ...list(grants, "buckets").map((one) => state("the bucket", one)),
    ...list(grants, "databases").map((one) => state("the SQL database", one)),
    ...list(grants, "publish").map((what) =>
      what === "#" ? { does: "publishes to every topic,", what } : { does: "publishes to", what },
    ),
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

function settings(manifest: Written | undefined): Words[] {
  return Object.entries(manifest?.config ?? {}).flatMap(([key, value]) => {
    const secret = typeof value === "object" && value !== null ? (value as { secret?: unknown }).secret : undefined;
    return typeof secret === "string"
      ? [{ does: "reads the secret", what: secret, then: `as its setting ${key}` }]
      : [];
  });
}

export function triggersInWords({ http, mqtt, schedule }: Triggers): Words[] {
  return [
    ...http.map(({ route, methods }) => ({
      does: methods?.length ? `answers ${methods.join(", ")} at` : "answers requests at",
      what: route,
    })),
    ...mqtt.map(({ topic }) => ({ does: "handles messages on", what: topic })),
    ...schedule.map(({ cron, timezone }) => ({
      does: "runs at",
      what: cron,
      ...(timezone && timezone !== "UTC" ? { then: `in ${timezone}` } : {}),
    })),
  ];
}

export const asText = ({ does, what, then }: Words): string => [does, what, then].filter(Boolean).join(" ");

/** Limits, configuration and environment as written; values of the latter two may be private, so they are not shown. */
function settled(manifest: Written): Words[] {
  const entries = (table: object | null | undefined) =>
    Object.entries(table ?? {}).filter(([, value]) => value !== null);
  const limit = (key: string, value: unknown) => ({ does: "has the limit", what: `${key} = ${String(value)}` });
  return [
    ...entries(manifest.limits).map(([key, value]) => limit(key, value)),
    ...entries(manifest.config).map(([what]) => ({ does: "has the setting", what })),
    ...entries(manifest.environment).map(([what]) => ({ does: "has the environment variable", what })),
  ];
}

/** What the running revision does and the next one would not, and the other way round. */
export function difference(
  before: { triggers: Triggers; manifest: Written },
  after: { triggers: Triggers; grants: Grants; manifest: Written },
): { gone: Words[]; added: Words[] } {
  const all = (triggers: Triggers, grants: Given, manifest: Written) => [
    ...triggersInWords(triggers),
    ...grantsInWords(grants, manifest),
    ...settled(manifest),
  ];
  const old = all(before.triggers, before.manifest.grants, before.manifest);
  const fresh = all(after.triggers, after.grants, after.manifest);
  const without = (from: Words[], others: Words[]) => {
    const texts = new Set(others.map(asText));
    return from.filter((one) => !texts.has(asText(one)));
  };
  return { gone: without(old, fresh), added: without(fresh, old) };
}
