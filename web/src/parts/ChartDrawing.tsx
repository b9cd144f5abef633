// The drawing of a chart: bars and lines in SVG, the scales beside them as text.
import { clock } from "../lib/format";
import { scale } from "../lib/scale";
import type { ChartProps, Series } from "./Chart";

const TICKS = 4;
const TIMES_SHOWN = 6;

export function ChartDrawing({ times, series, format, height = 180 }: ChartProps) {
  const most = Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const { top, ticks } = scale(most, TICKS);
  const step = Math.max(1, Math.ceil(times.length / TIMES_SHOWN));
  return (
    <div class="chart-drawing" style={{ height: `${height}px` }}>
      <div class="chart-values num">
        {ticks.map((tick) => (
          <span key={tick} style={{ bottom: `${(tick / top) * 100}%` }}>
            {format(tick)}
          </span>
        ))}
      </div>
      <svg viewBox={`0 0 ${Math.max(1, times.length)} ${top}`} preserveAspectRatio="none" focusable="false">
        <path class="chart-grid" d={ticks.map((tick) => `M0 ${top - tick}H${times.length}`).join("")} />
        {series.map((one) => (
          <path
            key={one.label}
            class={one.bars ? "chart-bars" : "chart-line"}
            style={{ color: `var(${one.color})` }}
            d={shape(one, top)}
          />
        ))}
      </svg>
      <div class="chart-times num">
        {times.map((time, index) =>
          index % step === 0 ? (
            <span key={time} style={{ left: `${((index + 0.5) / times.length) * 100}%` }}>
              {clock(time).slice(0, 5)}
            </span>
          ) : null,
        )}
      </div>
    </div>
  );
}

/** In slots across, and in values up. */
function shape({ values, bars }: Series, top: number): string {
  if (bars) {
    return values.map((value, index) => (value ? `M${index + 0.15} ${top}v${-value}h.7v${value}z` : "")).join("");
  }
  return values
    .map((value, index) => {
      if (value === null) return "";
      const isFirst = index === 0 || values[index - 1] === null;
      return `${isFirst ? "M" : "L"}${index + 0.5} ${top - value}`;
    })
    .join("");
}
