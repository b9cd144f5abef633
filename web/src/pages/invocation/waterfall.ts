// Where the time of one invocation went: waiting, instantiating, and what it called, each at its place in time.
import type { InvocationDetail } from "../../api/types";
import { roundStep } from "../../lib/scale";

export interface Bar {
  kind: "queue" | "instantiate" | "guest" | "call";
  name: string;
  detail: string;
  /** Milliseconds from when the invocation began; the wait before is negative. */
  start: number;
  duration: number;
  error: string | null;
  /** 0 to 1, of the whole width. */
  left: number;
  width: number;
}

export interface Layout {
  bars: Bar[];
  /** Milliseconds: what the whole width is. */
  from: number;
  to: number;
  /** Round moments for the scale. */
  ticks: { at: number; left: number }[];
}

const TICKS_MAX = 6;
const INSTANTIATE = "instantiate";

type Timed = Pick<InvocationDetail, "queue_ms" | "instantiate_ms" | "duration_ms" | "spans">;

export function layout({ queue_ms, instantiate_ms, duration_ms, spans }: Timed): Layout {
  const from = -Math.max(0, queue_ms);
  // A call may end after the invocation: what it left running is recorded as well.
  const to = Math.max(duration_ms, ...spans.map((span) => span.start_ms + span.duration_ms), from + 1e-3);
  const bar = (part: Omit<Bar, "left" | "width">): Bar => {
    const left = share(part.start, from, to);
    return { ...part, left, width: Math.max(0, share(part.start + part.duration, from, to) - left) };
  };
  const none = { detail: "", error: null };
  const own = spans.find(({ name }) => name === INSTANTIATE);
  const instantiate: number | null = own?.duration_ms ?? instantiate_ms ?? null;
  const begun = (own?.start_ms ?? 0) + (instantiate ?? 0);
  const bars: Bar[] = [];
  if (queue_ms > 0)
    bars.push(bar({ ...none, kind: "queue", name: "wait in the queue", start: from, duration: queue_ms }));
  if (instantiate !== null) {
    const start = own?.start_ms ?? 0;
    bars.push(
      bar({ ...none, kind: "instantiate", name: INSTANTIATE, start, duration: instantiate, error: own?.error ?? null }),
    );
  }
  bars.push(bar({ ...none, kind: "guest", name: "run", start: begun, duration: Math.max(0, duration_ms - begun) }));
  for (const span of spans.filter((one) => one !== own).toSorted((a, b) => a.start_ms - b.start_ms)) {
    const { name, detail, start_ms: start, duration_ms: duration, error = null } = span;
    bars.push(bar({ kind: "call", name, detail, start, duration, error }));
  }
  return { bars, from, to, ticks: ticks(from, to) };
}

const share = (at: number, from: number, to: number): number => Math.min(1, Math.max(0, (at - from) / (to - from)));

/** At 1, 2 or 5 times a power of ten, few enough to be read. */
function ticks(from: number, to: number): Layout["ticks"] {
  const step = roundStep((to - from) / TICKS_MAX);
  const first = Math.ceil(from / step);
  const last = Math.floor(to / step);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const at = (first + index) * step;
    return { at, left: share(at, from, to) };
  });
}

/** Time of the guest outside of what it called; calls that run beside one another count once. */
export function ownTime({ bars }: Layout): number {
  const guest = bars.find(({ kind }) => kind === "guest");
  if (!guest) return 0;
  let called = 0;
  let reached = guest.start;
  const end = guest.start + guest.duration;
  for (const { kind, start, duration } of bars) {
    if (kind !== "call") continue;
    const until = Math.min(end, start + duration);
    called += Math.max(0, until - Math.max(start, reached));
    reached = Math.max(reached, until);
  }
  return Math.max(0, guest.duration - called);
}
