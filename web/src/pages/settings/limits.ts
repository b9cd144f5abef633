// A limit as one reads it.
import type { Limit } from "../../api/types";
import { bytes, capital, count, span } from "../../lib/format";

export function limitText({ value, unit }: Pick<Limit, "value" | "unit">): string {
  switch (unit) {
    case "bytes":
      return bytes(value);
    case "seconds":
      return span(value);
    default:
      return count(value);
  }
}

/** "the head of one HTTP request" → "The head of one HTTP request." */
export function sentence(text: string): string {
  const begun = capital(text);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
