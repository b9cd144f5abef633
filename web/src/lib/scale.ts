// Round numbers along an axis.

/** The least of 1, 2 and 5 times a power of ten that is not below. */
export function roundStep(least: number): number {
  const size = 10 ** Math.floor(Math.log10(least));
  return (([1, 2, 5] as const).find((factor) => factor * size >= least * (1 - 1e-9)) ?? 10) * size;
}

/** Ticks from 0 to what is not below `most`, about so many. */
export function scale(most: number, about: number): { top: number; ticks: number[] } {
  const step = roundStep((most > 0 ? most : 1) / about);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  return { top: count * step, ticks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}
