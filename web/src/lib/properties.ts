// What MQTT 5 adds to a message, in words.
import { asText, toHex } from "./payload";

export interface PropertyInWords {
  name: string;
  value: string;
}

const names: Record<string, string> = {
  is_text: "Said to be text",
  content_type: "Content type",
  response_topic: "Response topic",
  correlation_data: "Correlation data",
};

/** User properties may come several times, and in an order of their own. */
export function propertiesInWords(properties: Record<string, unknown> | null | undefined): PropertyInWords[] {
  const told: PropertyInWords[] = [];
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key === "user_properties" && Array.isArray(value)) {
      for (const pair of value as unknown[]) if (Array.isArray(pair)) told.push(userProperty(pair));
    } else told.push({ name: Object.hasOwn(names, key) ? (names[key] ?? key) : key, value: inWords(value) });
  }
  return told;
}

const userProperty = ([name, value]: unknown[]): PropertyInWords => ({
  name: `Property ${String(name)}`,
  value: String(value),
});

function inWords(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (isBytes(value)) {
    const bytes = Uint8Array.from(value);
    return asText(bytes) ?? toHex(bytes);
  }
  return JSON.stringify(value);
}

const isBytes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((one) => Number.isInteger(one) && one >= 0 && one < 256);
