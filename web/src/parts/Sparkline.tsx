// An hour in sixty bars; failures stand at the foot of their bar.
import { count, plural, total } from "../lib/format";

export interface SparklineProps {
  /** Oldest first. */
  values: readonly number[];
  failures?: readonly number[];
  /** What is counted, in the singular: "invocation". */
  unit?: string;
  /** Over which time: "in the last hour". */
  when?: string;
  height?: number;
}

const STEP = 1.6;

export function Sparkline({
  values,
  failures = [],
  unit = "invocation",
  when = "in the last hour",
  height = 24,
}: SparklineProps) {
  const most = Math.max(1, ...values);
  const all = total(values);
  const failed = total(failures);
  const text =
    all === 0
      ? `No ${unit}s ${when}`
      : `${plural(all, unit)} ${when}, ${count(failed)} failed, at most ${count(most)} a minute`;
  const width = values.length * STEP;
  // Anything at all must be seen: a minute with one invocation beside one with a thousand is not empty.
  const tall = (value: number) => (value > 0 ? Math.max(1.5, (value / most) * (height - 1)) : 0);
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={text}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
    >
      <title>{text}</title>
      <path class="sparkline-base" d={`M0 ${height - 0.5}H${width}`} />
      <path class="sparkline-ok" d={bars(values, tall, height)} />
      <path class="sparkline-bad" d={bars(failures, tall, height)} />
    </svg>
  );
}

/** One path for all bars: a table of fifty functions would otherwise be six thousand elements. */
function bars(values: readonly number[], tall: (value: number) => number, height: number): string {
  return values
    .map((value, index) =>
      value > 0 ? `M${(index * STEP + 0.6).toFixed(1)} ${height}v${(-tall(value)).toFixed(1)}` : "",
    )
    .join("");
}
