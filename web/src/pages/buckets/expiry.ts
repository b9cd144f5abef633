// How long a key is kept yet, as the host takes it: "42m".
const UNITS: readonly [ms: number, unit: string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
];

/** Rounded up to the largest unit that it has at least ten of, so that a key never goes much earlier than before. */
export function remaining(expiresAt: string | null | undefined, now: number): string {
  const left = expiresAt ? Date.parse(expiresAt) - now : NaN;
  if (Number.isNaN(left)) return "";
  const [ms, unit] = UNITS.find(([size]) => left >= size * 10) ?? [1000, "s"];
  return `${Math.max(1, Math.ceil(left / ms))}${unit}`;
}
