// One server-sent event stream: connection, reconnection, buffering. `live.ts` holds the one of the whole page; a page
// opens another only for what /live does not carry (the messages of a topic filter).
import { signal } from "@preact/signals";
import { Buffer, type Gap, type Item } from "./buffer";

/** `connecting`: never open yet. `reconnecting`: lost a moment ago. `offline`: repeated attempts failed. */
export type FeedState = "connecting" | "live" | "reconnecting" | "offline";

const FLUSH_MS = 250;
const BACKOFF_MS = 1000;
const BACKOFF_MS_MAX = 30_000;
const OFFLINE_AFTER = 3;

export interface FeedOptions {
  /** Path below /api/v1. */
  path: string;
  /** Events that are kept and shown, oldest first, in `items`. */
  kept: readonly string[];
  /** Events that are handled at once, one by one, and not kept. For rare ones only. */
  handlers?: Record<string, (raw: string) => void>;
  /** Sees every kept event before it is parsed: must be quick. */
  onRaw?: (type: string, raw: string) => void;
  onFlush?: () => void;
  /** The host goes on after the event of the id that it is given as `after`. */
  resumes?: true;
  /** The host sends what it has kept at each connection, so what came before one is dropped. */
  replays?: true;
}

export class Feed {
  readonly state = signal<FeedState>("connecting");
  readonly items = signal<readonly (Item | Gap)[]>([]);
  readonly received = signal(0);
  readonly missed = signal(0);
  /** Counts reconnections: events may be lacking, so what was read before should be read again. */
  readonly reopened = signal(0);

  private readonly buffer = new Buffer();
  private source: EventSource | null = null;
  private failures = 0;
  private wasOpen = false;
  private last = "";
  private flushTimer = 0;
  private retryTimer = 0;

  constructor(private readonly options: FeedOptions) {}

  open(): void {
    this.close();
    const source = new EventSource(`/api/v1${this.path()}`);
    this.source = source;
    source.onopen = () => this.opened();
    source.onerror = () => this.failed(source);
    for (const type of this.options.kept) {
      source.addEventListener(type, (event) => {
        this.last = event.lastEventId;
        this.push(type, event.data as string);
      });
    }
    for (const [type, handler] of Object.entries(this.options.handlers ?? {})) {
      source.addEventListener(type, (event) => {
        this.last = event.lastEventId;
        handler(event.data as string);
      });
    }
    source.addEventListener("missed", (event) => this.miss(event.data as string));
    addEventListener("online", this.retryNow);
  }

  /** The browser tells by itself where it was, but not for a new source. */
  private path(): string {
    const { path, resumes } = this.options;
    if (!resumes || this.last === "") return path;
    return `${path}${path.includes("?") ? "&" : "?"}after=${encodeURIComponent(this.last)}`;
  }

  close(): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retryTimer);
    removeEventListener("online", this.retryNow);
  }

  private opened(): void {
    this.failures = 0;
    this.state.value = "live";
    if (this.wasOpen && this.options.replays) this.buffer.clear();
    if (this.wasOpen) this.reopened.value += 1;
    this.wasOpen = true;
  }

  private failed(source: EventSource): void {
    this.failures += 1;
    const hopeless = this.failures >= OFFLINE_AFTER || !navigator.onLine;
    this.state.value = hopeless ? "offline" : this.wasOpen ? "reconnecting" : "connecting";
    // The browser retries by itself after a lost connection, but gives up for good on an answer like 502.
    if (source.readyState !== EventSource.CLOSED) return;
    const wait = Math.min(BACKOFF_MS * 2 ** (this.failures - 1), BACKOFF_MS_MAX);
    clearTimeout(this.retryTimer);
    this.retryTimer = window.setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  private readonly retryNow = (): void => {
    if (this.state.value !== "live") this.open();
  };

  private push(type: string, raw: string): void {
    this.options.onRaw?.(type, raw);
    this.buffer.push(type, raw);
    this.plan();
  }

  private miss(raw: string): void {
    const counts = JSON.parse(raw) as { events?: number; messages?: number; lines?: number };
    this.buffer.miss(counts.events ?? counts.messages ?? counts.lines ?? 0);
    this.plan();
  }

  private plan(): void {
    if (this.flushTimer) return;
    this.flushTimer = window.setTimeout(() => {
      // A hidden tab gets no animation frames, yet its title counts failures.
      if (document.hidden) this.flush();
      else requestAnimationFrame(() => this.flush());
    }, FLUSH_MS);
  }

  private flush(): void {
    this.flushTimer = 0;
    this.items.value = this.buffer.flush();
    this.received.value = this.buffer.received;
    this.missed.value = this.buffer.missed;
    this.options.onFlush?.();
  }
}
