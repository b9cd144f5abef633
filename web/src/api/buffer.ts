// What arrives on a live connection, before anybody looks at it. Ten thousand events a second must cost little, so they
// are kept as they came, and only those that will be shown are parsed.

export interface Item<Data = unknown> {
  /** Counts up over all items of one feed; also the key of its row. */
  seq: number;
  type: string;
  data: Data;
}

/** Stands where events are not shown: the host dropped them (a slow reader), or this tab did (more than it keeps). */
export interface Gap {
  seq: number;
  type: "gap";
  data: { events: number; by: "host" | "tab" };
}

export const isGap = (item: Item | Gap): item is Gap => item.type === "gap";

type Raw = { seq: number; type: string; raw: string };

export class Buffer {
  received = 0;
  missed = 0;
  private seq = 0;
  private waiting: Raw[] = [];
  private dropped = 0;
  private kept: (Item | Gap)[] = [];

  constructor(private readonly keep = 500) {}

  push(type: string, raw: string): void {
    this.received += 1;
    this.waiting.push({ seq: ++this.seq, type, raw });
    // Trimming at twice the size makes it one move per `keep` events instead of one per event.
    if (this.waiting.length >= this.keep * 2) this.trim();
  }

  /** The host says that it left out so many. */
  miss(events: number): void {
    this.missed += events;
    this.waiting.push({ seq: ++this.seq, type: "gap", raw: String(events) });
  }

  /** Forgets what it keeps, for the same comes again. Numbers go on, since they are keys. */
  clear(): void {
    this.waiting = [];
    this.kept = [];
    this.dropped = 0;
  }

  /** Parses what arrived since the last time, and returns all that is kept, oldest first. */
  flush(): readonly (Item | Gap)[] {
    this.trim();
    const fresh: (Item | Gap)[] = [];
    const first = this.waiting[0];
    if (this.dropped > 0 && first) {
      fresh.push({ seq: first.seq - 0.5, type: "gap", data: { events: this.dropped, by: "tab" } });
    }
    for (const raw of this.waiting) {
      const item = parse(raw);
      if (item) fresh.push(item);
    }
    this.waiting = [];
    this.dropped = 0;
    // One more than it keeps, so that the gap before a full load is not what falls off.
    this.kept = [...this.kept, ...fresh].slice(-this.keep - 1);
    return this.kept;
  }

  private trim(): void {
    const over = this.waiting.length - this.keep;
    if (over <= 0) return;
    this.dropped += over;
    this.waiting = this.waiting.slice(over);
  }
}

function parse({ seq, type, raw }: Raw): Item | Gap | null {
  if (type === "gap") return { seq, type: "gap", data: { events: Number(raw), by: "host" } };
  try {
    return { seq, type, data: JSON.parse(raw) as unknown };
  } catch {
    return null;
  }
}
