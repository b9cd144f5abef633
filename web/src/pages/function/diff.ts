// What one revision has that another has not, by what it means: triggers, grants, limits, configuration.
import type { Manifest, Revision } from "../../api/types";
import { bytes, short } from "../../lib/format";
import { type AnyTrigger, type Words, grantsInWords, triggerInWords } from "../../lib/words";

export interface Change {
  kind: "added" | "removed" | "changed";
  words: Words;
  /** As it is written, where it stood and where it stands now. */
  before?: string;
  after?: string;
}

export interface ChangeGroup {
  title: string;
  changes: Change[];
}

type Compared = Pick<Revision, "digest" | "component_bytes" | "abi" | "manifest">;
type Entry = { key: string; words: Words; code: string };

/** From `before` to `after`; groups without a change are left out. */
export function compare(before: Compared, after: Compared): ChangeGroup[] {
  const [old, now] = [before.manifest, after.manifest];
  const groups: ChangeGroup[] = [
    { title: "Component", changes: componentChanges(before, after) },
    { title: "Triggers", changes: changes(triggers(old), triggers(now)) },
    { title: "Grants", changes: changes(grants(old), grants(now)) },
    { title: "Limits", changes: changes(values(old.limits), values(now.limits), "the host's default") },
    { title: "Configuration", changes: changes(values(old.config), values(now.config)) },
    { title: "Environment", changes: changes(values(old.environment), values(now.environment)) },
    { title: "Other settings", changes: changes(values(others(old)), values(others(now))) },
  ];
  return groups.filter((group) => group.changes.length > 0);
}

function changes(before: readonly Entry[], after: readonly Entry[], absent?: string): Change[] {
  const old = new Map(before.map((entry) => [entry.key, entry]));
  const now = new Map(after.map((entry) => [entry.key, entry]));
  const found: Change[] = [];
  for (const entry of after) {
    const was = old.get(entry.key);
    if (!was)
      found.push({ kind: "added", words: entry.words, after: entry.code, ...(absent ? { before: absent } : {}) });
    else if (was.code !== entry.code) {
      found.push({ kind: "changed", words: entry.words, before: was.code, after: entry.code });
    }
  }
  for (const entry of before) {
    if (now.has(entry.key)) continue;
    found.push({ kind: "removed", words: entry.words, before: entry.code, ...(absent ? { after: absent } : {}) });
  }
  return found;
}

function componentChanges(before: Compared, after: Compared): Change[] {
  if (before.digest === after.digest) return [];
  const found: Change[] = [
    {
      kind: "changed",
      words: { does: "another component" },
      before: short(before.digest, 12),
      after: short(after.digest, 12),
    },
  ];
  if (before.component_bytes !== after.component_bytes) {
    found.push({
      kind: "changed",
      words: { does: "its size" },
      before: bytes(before.component_bytes),
      after: bytes(after.component_bytes),
    });
  }
  if (before.abi !== after.abi) {
    found.push({ kind: "changed", words: { does: "how it is called (ABI)" }, before: before.abi, after: after.abi });
  }
  return found;
}

/** `next_runs` is what the host adds to a schedule; it is no part of a manifest. */
function triggers(manifest: Manifest): Entry[] {
  const entry = (key: string, trigger: object): Entry => ({
    key,
    words: triggerInWords(trigger as AnyTrigger),
    code: written(without(trigger, ["next_runs"])),
  });
  return [
    ...list(manifest.http).map((one) => entry(`http ${text(one, "route")}`, one)),
    ...list(manifest.mqtt).map((one) => entry(`mqtt ${text(one, "topic")}`, one)),
    ...list(manifest.schedule).map((one) =>
      entry(`schedule ${text(one, "cron")} ${text(one, "timezone") || "UTC"}`, one),
    ),
  ];
}

const LISTS = ["buckets", "databases", "publish", "outbound", "secrets"] as const;

const one = (grants: Parameters<typeof grantsInWords>[0]): Words => grantsInWords(grants)[0] ?? { does: "" };

function grants({ grants: given }: Manifest): Entry[] {
  if (!given) return [];
  const plain = LISTS.flatMap((name) =>
    (given[name] ?? []).map((grant) => ({
      // Whether it may be written to is what changes about a bucket, not which one it is.
      key: `${name} ${name === "buckets" || name === "databases" ? grant.replace(/:ro$/, "") : grant}`,
      words: one({ [name]: [grant] }),
      code: `${name} = "${grant}"`,
    })),
  );
  const headers = (given["outbound-auth"] ?? []).map((auth) => ({
    key: `header ${auth.destination} ${auth.header.toLowerCase()}`,
    words: one({ "outbound-auth": [auth] }),
    code: written(auth),
  }));
  return [...plain, ...headers];
}

function values(table: Readonly<Record<string, unknown>> | null | undefined): Entry[] {
  return Object.entries(table ?? {}).map(([key, value]) => ({
    key,
    words: { does: "", what: key },
    code: valueInWords(value),
  }));
}

const KNOWN = ["name", "http", "mqtt", "schedule", "grants", "limits", "config", "environment"];

function others(manifest: Manifest): Record<string, unknown> {
  return without(manifest, KNOWN);
}

/** A value of the configuration: text as it is, a secret by its name only. */
export function valueInWords(value: unknown): string {
  if (typeof value === "string") return value;
  if (isTable(value) && typeof value["secret"] === "string") return `the secret ${value["secret"]}`;
  return written(value);
}

/** As in a manifest: `topic = "a/+", qos = 1`. The same whatever the order of the keys was. */
function written(value: unknown): string {
  if (!isTable(value)) return JSON.stringify(value);
  return Object.entries(value)
    .filter(([, one]) => one !== null && one !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${key} = ${isTable(one) ? `{ ${written(one)} }` : JSON.stringify(one)}`)
    .join(", ");
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const without = (table: object, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(table).filter(([key]) => !keys.includes(key)));

const list = (value: readonly object[] | null | undefined): readonly object[] => value ?? [];

const text = (table: object, key: string): string => String((table as Record<string, unknown>)[key] ?? "");
