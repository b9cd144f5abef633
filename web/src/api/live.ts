// The one live connection of the page, and what it knows about the host.
import { computed, effect, signal } from "@preact/signals";
import { get } from "./client";
import { Feed } from "./feed";
import { session } from "./session";
import type { BrokerEvent, DeployEvent, Health, HealthEvent, Hello, InvocationEvent, Vitals } from "./types";

/** An event of the feed that the pages show; `item.type` tells which. */
export type LiveItem =
  | { seq: number; type: "invocation"; data: InvocationEvent }
  | { seq: number; type: "deploy"; data: DeployEvent }
  | { seq: number; type: "broker"; data: BrokerEvent }
  | { seq: number; type: "health"; data: HealthEvent }
  | { seq: number; type: "gap"; data: { events: number; by: "host" | "tab" } };

const KEPT = ["invocation", "deploy", "broker", "health"] as const;

/** The two newest, since the share of the CPU is a difference. */
const measured = signal<{ now: Vitals | null; before: Vitals | null }>({ now: null, before: null });
const healthEvent = signal<Health | null>(null);
let firstVersion: string | null = null;
let failures = 0;

/** The host's version where it is no longer the one that this page belongs to. */
export const staleVersion = signal<string | null>(null);
/** Counts deployments, rollbacks and deletions: lists of functions are read again. */
export const deployments = signal(0);
/** Failed invocations seen by this page since it was opened. */
export const failuresSeen = signal(0);

const feed = new Feed({
  path: `/live?types=${[...KEPT, "vitals"].join(",")}`,
  kept: KEPT,
  resumes: true,
  handlers: {
    hello: (raw) => noticeVersion(JSON.parse(raw) as Hello),
    vitals: (raw) => noticeVitals(JSON.parse(raw) as Vitals),
  },
  onRaw(type, raw) {
    if (type === "invocation") failures += isFailure(raw) ? 1 : 0;
    else if (type === "deploy") deployments.value += 1;
    else if (type === "health") healthEvent.value = JSON.parse(raw) as Health;
  },
  onFlush: () => {
    failuresSeen.value = failures;
  },
});

export const live = {
  state: feed.state,
  items: computed(() => feed.items.value as readonly LiveItem[]),
  received: feed.received,
  missed: feed.missed,
  reopened: feed.reopened,
};

export const vitals = computed(() => measured.value.now);
/** Null where it is not known: nobody can say that a host which does not answer is healthy. */
export const health = computed<Health | null>(() =>
  feed.state.value === "offline" ? null : (healthEvent.value ?? vitals.value?.health ?? null),
);
/** Cores in use: 1 is one core at its fullest. */
export const cpuCores = computed(() => {
  const { now, before } = measured.value;
  if (!now || !before) return null;
  const passed = (Date.parse(now.at) - Date.parse(before.at)) / 1000;
  return passed > 0 ? Math.max(0, (now.cpu_seconds - before.cpu_seconds) / passed) : null;
});
/** False only once the host has said so. */
export const mqttOn = computed(() => vitals.value?.broker !== null);

/** Told without parsing. A quote inside a JSON string is escaped, so no text of a guest can look like this. */
export const isFailure = (raw: string): boolean => !raw.includes('"outcome":"ok"');

export function noticeVersion({ version }: Hello): void {
  firstVersion ??= version;
  staleVersion.value = version === firstVersion ? null : version;
}

function noticeVitals(now: Vitals): void {
  measured.value = { now, before: measured.value.now };
  // Vitals are the newer word on health.
  healthEvent.value = null;
}

async function readVitals(): Promise<void> {
  // A host without this endpoint still has functions to show.
  await get<Vitals>("/vitals").then(noticeVitals, () => undefined);
}

effect(() => {
  if (!session.value) return;
  feed.open();
  void readVitals();
  return () => feed.close();
});
