// How long an invocation took, and which parts of that were waiting, instantiating and running.
import type { Invocation } from "../../api/types";
import { duration } from "../../lib/format";
import { timesOf } from "./recent";

export const splitInWords = (times: Partial<Invocation>): string => {
  const { queue, instantiate, run } = timesOf(times);
  return `queue ${duration(queue)}, instantiate ${duration(instantiate)}, run ${duration(run)}`;
};

export function Split({ times }: { times: Partial<Invocation> }) {
  const { queue, instantiate, run, total } = timesOf(times);
  const text = splitInWords(times);
  return (
    <span class="split" title={text}>
      {duration(times.duration_ms)}
      <span class="hidden">: {text}</span>
      {total > 0 && (
        <span class="split-bar" aria-hidden="true">
          <i class="queue" style={{ flexGrow: queue / total }} />
          <i class="instantiate" style={{ flexGrow: instantiate / total }} />
          <i class="guest" style={{ flexGrow: run / total }} />
        </span>
      )}
    </span>
  );
}

/** What the colours of the bars mean. */
export const SplitLegend = () => (
  <span class="legend">
    {(["queue", "instantiate", "guest"] as const).map((kind) => (
      <span key={kind}>
        <i class={kind} aria-hidden="true" /> {kind === "guest" ? "run" : kind}
      </span>
    ))}
  </span>
);
