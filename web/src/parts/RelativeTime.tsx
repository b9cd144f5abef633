// "3 min ago"; the exact time is in the title.
import { dateTime, relative } from "../lib/format";
import { now } from "../lib/now";

export interface RelativeTimeProps {
  /** RFC 3339, or milliseconds since 1970. */
  at: string | number | null | undefined;
  /** Shown where there is no time. */
  none?: string;
}

export function RelativeTime({ at, none = "never" }: RelativeTimeProps) {
  if (at === null || at === undefined) return <span class="quiet">{none}</span>;
  const time = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(time)) return <span class="quiet">{none}</span>;
  return (
    <time class="num nowrap" dateTime={new Date(time).toISOString()} title={dateTime(time)}>
      {relative(time, now.value)}
    </time>
  );
}
