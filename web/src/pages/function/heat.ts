// The last hour as a heat map: minutes across, classes of latency up.
import type { ActivityHistory } from "../../api/types";
import { duration } from "../../lib/format";

export const LEVELS = 5;

export interface Minute {
  /** Its beginning: milliseconds since 1970. */
  at: number;
  invocations: number;
  failures: number;
  latencies: readonly number[];
}

export interface Heat {
  /** Every minute of the hour, also those in which nothing ran, oldest first. */
  minutes: Minute[];
  /** What is drawn, fastest first: its place in `latencies`, and its words. */
  classes: { index: number; text: string }[];
  /** The most invocations in one cell. */
  most: number;
}

const SLOTS = 60;

/** The last slot is the one of `now`, or a later one of the host's, whose clock may be another. */
export function minutesOf({ slot_seconds, slots }: ActivityHistory, now: number): Minute[] {
  const size = slot_seconds * 1000;
  const known = new Map(slots.map((slot) => [Math.floor(Date.parse(slot.at) / size), slot]));
  const last = Math.max(Math.floor(now / size), ...known.keys());
  return Array.from({ length: SLOTS }, (_, index) => {
    const number = last - SLOTS + 1 + index;
    const { invocations = 0, failures = 0, latencies = [] } = known.get(number) ?? {};
    return { at: number * size, invocations, failures, latencies };
  });
}

export function heatOf(history: ActivityHistory, now: number): Heat {
  const minutes = minutesOf(history, now);
  const count = history.bounds_ms.length + 1;
  const used = Array.from({ length: count }, (_, index) => index).filter((index) =>
    minutes.some(({ latencies }) => (latencies[index] ?? 0) > 0),
  );
  // One class of air on both sides, so that it is seen that nothing was faster or slower.
  const first = Math.max(0, (used[0] ?? 0) - 1);
  const last = Math.min(count - 1, (used.at(-1) ?? count - 1) + 1);
  return {
    minutes,
    classes: Array.from({ length: last - first + 1 }, (_, at) => ({
      index: first + at,
      text: classInWords(history.bounds_ms, first + at),
    })),
    most: Math.max(0, ...minutes.flatMap(({ latencies }) => latencies)),
  };
}

/** "up to 1 ms", "1 to 2 ms" is too long for an axis: the upper bound is what is written. */
export function classInWords(bounds: readonly number[], index: number): string {
  const bound = bounds[index];
  return bound === undefined ? `over ${boundInWords(bounds.at(-1) ?? 0)}` : `≤ ${boundInWords(bound)}`;
}

/** Bounds are round figures: "5 ms", not "5.0 ms". */
const boundInWords = (ms: number): string => duration(ms).replace(/\.0(?= )/, "");

/** 0: nothing; 1 to LEVELS by the order of magnitude, so that one slow invocation beside a thousand fast ones is seen. */
export function levelOf(value: number, most: number): number {
  if (value <= 0) return 0;
  if (most <= 1) return LEVELS;
  return Math.min(LEVELS, 1 + Math.floor((Math.log(value) / Math.log(most)) * (LEVELS - 1) + 1e-9));
}

/** The least value of each level, for the legend. */
export const thresholds = (most: number): number[] =>
  Array.from({ length: LEVELS }, (_, index) => Math.ceil(most ** (index / (LEVELS - 1)) - 1e-6));
