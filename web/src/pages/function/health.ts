// How a function does, in a word and a sentence.
import type { Activity } from "../../api/types";
import { count, plural } from "../../lib/format";
import type { Tone } from "../../parts/StatusBadge";

const LATELY_MINUTES = 15;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export interface HealthWords {
  tone: Tone;
  word: string;
  text: string;
}

/** Null on a host that does not count by the minute. */
export function healthInWords(activity: Activity | undefined): HealthWords | null {
  if (!activity) return null;
  const [ran, failed] = [sum(activity.per_minute), sum(activity.failures_per_minute)];
  const lately = sum(activity.per_minute.slice(-LATELY_MINUTES));
  const failedLately = sum(activity.failures_per_minute.slice(-LATELY_MINUTES));
  if (failedLately > 0) {
    const all = failedLately === lately;
    return {
      tone: "bad",
      word: "failing",
      text: all
        ? `All of the last ${plural(lately, "invocation")} failed, in ${LATELY_MINUTES} minutes.`
        : `${count(failedLately)} of ${plural(lately, "invocation")} failed in the last ${LATELY_MINUTES} minutes.`,
    };
  }
  if (failed > 0) {
    return {
      tone: "warn",
      word: "recovered",
      text: `Nothing failed in the last ${LATELY_MINUTES} minutes; ${count(failed)} of ${plural(ran, "invocation")} did within the hour.`,
    };
  }
  if (ran > 0)
    return { tone: "ok", word: "healthy", text: `${plural(ran, "invocation")} in the last hour, none failed.` };
  return { tone: "neutral", word: "idle", text: "Nothing started it in the last hour." };
}
