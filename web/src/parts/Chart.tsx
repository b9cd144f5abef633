// A chart over time: drawn for the eye, and as a table with the same numbers.
import { dateTime } from "../lib/format";
import { ChartDrawing } from "./ChartDrawing";

export interface Series {
  label: string;
  /** One of the colours of tokens.css. */
  color: "--accent" | "--bad" | "--warn" | "--ok" | "--quiet";
  /** As long as `times`; null is a hole. */
  values: readonly (number | null)[];
  /** Filled bars instead of a line. */
  bars?: boolean;
}

export interface ChartProps {
  title: string;
  /** Milliseconds since 1970, ascending, at even distances. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  height?: number;
}

export function Chart(props: ChartProps) {
  const { title, times, series, format } = props;
  return (
    <figure class="chart">
      <figcaption>
        {title}
        <span class="legend">
          {series.map(({ label, color }) => (
            <span key={label}>
              <i style={{ background: `var(${color})` }} aria-hidden="true" /> {label}
            </span>
          ))}
        </span>
      </figcaption>
      <div aria-hidden="true">
        <ChartDrawing {...props} />
      </div>
      <details>
        <summary>Show as a table</summary>
        <div class="table-scroll" tabIndex={0} role="group" aria-label={`${title}, as a table`}>
          <table class="table plain">
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map(({ label }) => (
                  <th key={label} scope="col" class="right">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((time, index) => (
                <tr key={time}>
                  <th scope="row" class="num">
                    {dateTime(time)}
                  </th>
                  {series.map(({ label, values }) => {
                    const value = values[index];
                    return (
                      <td key={label} class="num right">
                        {value === null || value === undefined ? "–" : format(value)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
