// Durations and sizes as a manifest writes them.

/** 5000 → "5s", as the host itself does. */
export function durationText(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1000, "s"],
  ];
  const [size, unit] = units.find(([size]) => ms > 0 && ms % size === 0) ?? [1, "ms"];
  return `${ms / size}${unit}`;
}

/** 67108864 → "64MiB" */
export function sizeText(bytes: number): string {
  const units: [number, string][] = [
    [1024 ** 3, "GiB"],
    [1024 ** 2, "MiB"],
    [1024, "KiB"],
  ];
  const [size, unit] = units.find(([size]) => bytes > 0 && bytes % size === 0) ?? [1, "B"];
  return `${bytes / size}${unit}`;
}
