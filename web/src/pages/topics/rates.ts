// Messages a second of late. The host's own rate is over all the time that it has counted.
import type { TopicSnapshot } from "../../api/types";

const WINDOW_MS = 10_000;

interface Reading {
  at: number;
  messages: ReadonlyMap<string, number>;
}

export class Rates {
  private readings: Reading[] = [];

  /** The same topics with their rate over the last ten seconds. */
  take(at: number, topics: readonly TopicSnapshot[]): readonly TopicSnapshot[] {
    // The last one of before the window begins it.
    while ((this.readings[1]?.at ?? at) <= at - WINDOW_MS) this.readings.shift();
    // Nobody asked for a minute, so that it counts from nothing again.
    const last = this.readings.at(-1);
    if (last && topics.some(({ topic, messages }) => messages < (last.messages.get(topic) ?? 0))) this.readings = [];
    const since = this.readings[0];
    this.readings.push({ at, messages: new Map(topics.map(({ topic, messages }) => [topic, messages])) });
    if (!since || at <= since.at) return topics;
    const seconds = (at - since.at) / 1000;
    return topics.map((one) => ({ ...one, rate: (one.messages - (since.messages.get(one.topic) ?? 0)) / seconds }));
  }
}
