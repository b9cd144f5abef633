// How long invocations took, minute by minute. The drawing is walked with the arrow keys or the pointer, and each cell is
// told in words; a table has the same figures.
import { useId, useMemo, useState } from "preact/hooks";
import type { ActivityHistory } from "../../api/types";
import { clock, count, plural } from "../../lib/format";
import { type Heat, LEVELS, heatOf, levelOf, thresholds } from "./heat";
import "./heat.css";

interface Cell {
  minute: number;
  /** Counted from the fastest class. */
  row: number;
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
  Home: [-Infinity, 0],
  End: [Infinity, 0],
};

export function HeatMap({ history }: { history: ActivityHistory }) {
  const heat = useMemo(() => heatOf(history, Date.now()), [history]);
  const [cell, setCell] = useState<Cell | null>(null);
  const told = useId();
  const [columns, rows] = [heat.minutes.length, heat.classes.length];
  const start = { minute: columns - 1, row: 0 };

  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const { minute, row } = cell ?? start;
    setCell({ minute: within(minute + step[0], columns), row: within(row + step[1], rows) });
  };
  const point = (event: PointerEvent & { currentTarget: Element }) => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    const minute = within(Math.floor(((event.clientX - left) / width) * columns), columns);
    setCell({ minute, row: within(rows - 1 - Math.floor(((event.clientY - top) / height) * rows), rows) });
  };

  return (
    <figure class="chart heat">
      <figcaption>
        Latency by the minute
        <Legend most={heat.most} />
      </figcaption>
      <div class="heat-body" style={{ "--rows": rows }}>
        <ol class="heat-classes num" aria-hidden="true">
          {heat.classes.toReversed().map(({ index, text }) => (
            <li key={index}>{text}</li>
          ))}
        </ol>
        <div
          class="heat-map"
          role="application"
          aria-label="Heat map of latencies: arrow keys go from cell to cell"
          aria-describedby={told}
          tabIndex={0}
          onKeyDown={move}
          onFocus={() => setCell(cell ?? start)}
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={() => setCell(null)}
          onBlur={() => setCell(null)}
        >
          <Drawing heat={heat} cell={cell} />
        </div>
        <div class="heat-times num quiet" aria-hidden="true">
          {[0, 20, 40, 59].map((minute) => (
            <span key={minute}>{minute === 59 ? "now" : clock(heat.minutes[minute]?.at ?? 0).slice(0, 5)}</span>
          ))}
        </div>
      </div>
      <p class="heat-told num quiet" id={told} aria-live="polite">
        {cell ? cellInWords(heat, cell) : "Point at a cell, or go there with the arrow keys, to read it."}
      </p>
      <HeatTable heat={heat} />
    </figure>
  );
}

const within = (value: number, size: number): number => Math.max(0, Math.min(size - 1, value));

/** One path for each level: six hundred elements would be too many for a drawing that is refreshed. */
function Drawing({ heat, cell }: { heat: Heat; cell: Cell | null }) {
  const [columns, rows] = [heat.minutes.length, heat.classes.length];
  const paths = useMemo(() => levelPaths(heat), [heat]);
  return (
    <svg viewBox={`0 0 ${columns} ${rows}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {paths.map((d, level) => d && <path key={level} class={`heat-${level}`} d={d} />)}
      {cell && <rect class="heat-cell" x={cell.minute} y={rows - 1 - cell.row} width="1" height="1" />}
    </svg>
  );
}

function levelPaths({ minutes, classes, most }: Heat): string[] {
  const paths = Array.from({ length: LEVELS + 1 }, () => "");
  for (const [x, { latencies }] of minutes.entries()) {
    for (const [row, { index }] of classes.entries()) {
      const level = levelOf(latencies[index] ?? 0, most);
      paths[level] += `M${x + 0.06} ${classes.length - 1 - row + 0.05}h.88v.9h-.88z`;
    }
  }
  return paths;
}

function cellInWords({ minutes, classes }: Heat, { minute, row }: Cell): string {
  const [slot, shown] = [minutes[minute], classes[row]];
  if (!slot || !shown) return "";
  const at = clock(slot.at).slice(0, 5);
  const those = slot.latencies[shown.index] ?? 0;
  const failed = slot.failures > 0 ? `, ${count(slot.failures)} failed` : "";
  return `${at}, ${shown.text}: ${those === 0 ? "none" : count(those)} of ${plural(slot.invocations, "invocation")}${failed}`;
}

function Legend({ most }: { most: number }) {
  const levels = thresholds(most);
  return (
    <span class="legend heat-legend">
      {levels.map((least, index) =>
        // With few invocations, several levels begin at the same number.
        least === levels[index - 1] ? null : (
          <span key={index}>
            <i class={`heat-${most <= 1 ? LEVELS : index + 1}`} aria-hidden="true" /> {count(least)}
            {index < LEVELS - 1 && least < most ? "+" : ""}
          </span>
        ),
      )}
    </span>
  );
}

function HeatTable({ heat: { minutes, classes } }: { heat: Heat }) {
  return (
    <details>
      <summary>Show as a table</summary>
      <div class="table-scroll" tabIndex={0} role="group" aria-label="Latency by the minute, as a table">
        <table class="table plain">
          <thead>
            <tr>
              <th scope="col">Minute</th>
              {classes.map(({ index, text }) => (
                <th key={index} scope="col" class="right">
                  {text}
                </th>
              ))}
              <th scope="col" class="right">
                Failed
              </th>
            </tr>
          </thead>
          <tbody>
            {minutes.map(({ at, latencies, failures }) => (
              <tr key={at}>
                <th scope="row" class="num">
                  {clock(at).slice(0, 5)}
                </th>
                {classes.map(({ index }) => (
                  <td key={index} class="num right">
                    {count(latencies[index] ?? 0)}
                  </td>
                ))}
                <td class="num right">{count(failures)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
