// Numbers and times as people read them. Everything is locale-free, so that two people read the same figures.
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** 1536 → "1.5 KiB" */
export function bytes(count: number): string {
  let value = count;
  let size = 0;
  // Just below the next unit, the rounded figure would be 1024.
  while (value >= 1023.5 && size < SIZES.length - 1) {
    value /= 1024;
    size += 1;
  }
  return `${size > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${SIZES[size]}`;
}

/** 12345 → "12 345", with a thin space that does not break */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Short enough for a tile: 12345 → "12.3 k" */
export function compact(value: number): string {
  const [size, unit] =
    value >= 999_500_000 ? [1e9, "G"] : value >= 999_500 ? [1e6, "M"] : value >= 9999.5 ? [1e3, "k"] : [1, ""];
  const scaled = value / size;
  if (!unit) return count(value);
  return `${scaled < 99.95 ? scaled.toFixed(1) : Math.round(scaled)}\u00a0${unit}`;
}

/** Milliseconds: 0.042 → "42 µs", 12.3 → "12.3 ms", 95000 → "1 min 35 s" */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 0.9995) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms / 1000);
}

/** Seconds, in two units at most: 93784 → "1 d 2 h" */
export function span(seconds: number): string {
  const units: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [size, unit] of units) {
    const whole = Math.floor(rest / size);
    if (whole > 0) parts.push(`${whole} ${unit}`);
    else if (parts.length > 0) break;
    rest -= whole * size;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** Per second: 0.25 → "0.25/s" */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond < 0.095) return `${(perSecond * 60).toFixed(1)}/min`;
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : compact(perSecond)}/s`;
}

/** 0.123 → "12 %" */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

/** "just now", "40 s ago", "in 5 min" */
export function relative(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1000);
  const size = Math.abs(seconds);
  if (size < 3) return "just now";
  const text =
    size < 60
      ? `${size} s`
      : size < 3600
        ? `${Math.floor(size / 60)} min`
        : size < 86_400
          ? `${Math.floor(size / 3600)} h`
          : `${Math.floor(size / 86_400)} d`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

const two = (value: number, width = 2): string => String(value).padStart(width, "0");

/** Local wall clock with milliseconds: "14:03:09.512" */
export function clock(time: string | number): string {
  const at = new Date(time);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

/** Local date and time to the second: "2026-04-17 14:03:09" */
export function dateTime(time: string | number): string {
  const at = new Date(time);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(time).slice(0, 8)}`;
}

/** The first characters of a digest or an id; the whole belongs into a title. */
export const short = (id: string, length = 8): string => id.replace(/^sha256:/, "").slice(0, length);

/** "1 key", "2 keys" */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

export const total = (values: readonly number[] | undefined): number =>
  values?.reduce((sum, value) => sum + value, 0) ?? 0;

/** "the head" → "The head" */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
