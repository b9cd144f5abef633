// The drawing of a chart, by uPlot, in the colours of the page.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock } from "../lib/format";
import { themeChanges } from "../lib/theme";
import type { ChartProps, Series } from "./Chart";

const FONT = "11px system-ui, sans-serif";

export function ChartCanvas({ times, series, format, height = 180 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data: uPlot.AlignedData = [times.map((time) => time / 1000), ...series.map(({ values }) => [...values])];
  const shape = `${height} ${series.map(({ label, color, bars }) => `${label}${color}${bars}`).join()} ${themeChanges.value}`;

  // A canvas does not follow CSS: another theme means another drawing.
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const made = new uPlot(options(series, format, element.clientWidth, height, element), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(data), [times, series]);
  return <div ref={box} />;
}

function options(
  series: readonly Series[],
  format: ChartProps["format"],
  width: number,
  height: number,
  element: Element,
): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => resolved(element, name) ?? style.color;
  const quiet = color("--quiet");
  const grid = { stroke: color("--line"), width: 1 };
  const line = ({ label, color: name, bars }: Series): uPlot.Series => {
    const stroke = color(name);
    const value = (_: uPlot, shown: number | null) => (shown === null ? "–" : format(shown));
    if (!bars) return { label, stroke, width: 1.5, value, points: { show: false } };
    return {
      label,
      stroke,
      fill: stroke,
      width: 0,
      value,
      points: { show: false },
      paths: uPlot.paths.bars?.({ size: [0.7, 12] }) ?? null,
    } as uPlot.Series;
  };
  const bars = series.some((one) => one.bars);
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    series: [{}, ...series.map(line)],
    scales: {
      // Half a slot at both ends, so that the first and the last bar are whole.
      x: { range: (plot, min, max) => [min - halfSlot(plot, bars), max + halfSlot(plot, bars)] },
      y: { range: (_, __, max) => [0, Math.max(max, 1e-9) * 1.1] },
    },
    axes: [
      {
        stroke: quiet,
        font: FONT,
        grid: { show: false },
        ticks: grid,
        size: 28,
        values: (_, splits) => splits.map(timeOfDay),
      },
      { stroke: quiet, font: FONT, grid, ticks: { show: false }, size: 64, values: (_, splits) => splits.map(format) },
    ],
  };
}

const timeOfDay = (seconds: number): string => clock(seconds * 1000).slice(0, 5);

function halfSlot({ data: [times] }: uPlot, bars: boolean): number {
  const [first = 0, second = first + 60] = times ?? [];
  return bars ? (second - first) / 2 : 0;
}

/** A custom property keeps its light-dark() until it is used as a colour. */
function resolved(element: Element, name: string): string | null {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color || null;
}
