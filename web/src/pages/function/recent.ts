// The invocations that the host keeps, and those that ended since it was asked.
import type { LiveItem } from "../../api/live";
import type { Invocation } from "../../api/types";

const SHOWN_MAX = 300;

export const hasFailed = ({ outcome }: Pick<Invocation, "outcome">): boolean => outcome !== "ok";

/** Newest first, each once. */
export function merged(
  items: readonly LiveItem[],
  kept: readonly Invocation[],
  name: string,
  failedOnly: boolean,
): Invocation[] {
  const found = new Map<string, Invocation>();
  for (const item of items.toReversed()) {
    if (item.type !== "invocation" || item.data.function !== name) continue;
    if (!failedOnly || hasFailed(item.data)) found.set(item.data.id, item.data);
  }
  const live = [...found.values()];
  for (const one of kept) found.delete(one.id);
  // The feed may hold some that are older than what the host listed first: those belong into its order.
  const newest = Date.parse(kept[0]?.started_at ?? "") || 0;
  const since = live.filter((one) => found.has(one.id) && ended(one) >= newest);
  return [...since, ...kept].slice(0, SHOWN_MAX);
}

const ended = ({ started_at, duration_ms }: Invocation): number => Date.parse(started_at) + duration_ms;

export function matches(one: Invocation, wanted: string): boolean {
  const texts = [one.event, one.outcome, one.reason, one.id, one.trace_id, one.trigger, String(one.status ?? "")];
  return !wanted || texts.some((text) => text?.toLowerCase().includes(wanted));
}

/** The parts of the time from its event to its end, in milliseconds. */
export function timesOf({ queue_ms, instantiate_ms, duration_ms }: Partial<Invocation>): {
  queue: number;
  instantiate: number;
  run: number;
  total: number;
} {
  const [queue, instantiate, whole] = [queue_ms ?? 0, instantiate_ms ?? 0, duration_ms ?? 0];
  return { queue, instantiate, run: Math.max(0, whole - instantiate), total: queue + whole };
}
