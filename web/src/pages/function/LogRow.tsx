// One line that a function logged, always as text.
import type { ComponentChildren } from "preact";
import type { LogLine } from "../../api/types";
import { clock } from "../../lib/format";
import { to } from "../../lib/location";
import "./logs.css";

export interface LogRowProps {
  line: LogLine;
  /** What stands at its beginning. */
  at: ComponentChildren;
}

export function LogRow({ line: { level, source, context, message }, at }: LogRowProps) {
  return (
    <>
      <span class="log-at num">{at}</span>
      <span class={`log-level ${level}`}>{level}</span>
      <span class="log-source quiet">{source}</span>
      <span class="log-message">
        {context && <span class="quiet">{context}: </span>}
        {message}
      </span>
    </>
  );
}

/** The time of a line as a link to its invocation. */
export function LogTime({ name, line }: { name: string; line: LogLine }) {
  const time = clock(line.time);
  return (
    <a
      href={to`/functions/${name}/invocations/${line.invocation}`}
      title={`Invocation ${line.invocation}`}
      aria-label={`${time}, its invocation`}
    >
      {time}
    </a>
  );
}

/** Lines that do not come in any more. `at` says what stands at the beginning of each. */
export function LogList({ lines, at }: { lines: readonly LogLine[]; at: (line: LogLine) => ComponentChildren }) {
  return (
    <ol class="tail-rows logs">
      {lines.map((line, index) => (
        <li key={index} class="tail-row">
          <LogRow line={line} at={at(line)} />
        </li>
      ))}
    </ol>
  );
}
