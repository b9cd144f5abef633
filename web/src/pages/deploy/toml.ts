// The manifest of a running revision, written as the file that a deployment takes.
import type { Manifest } from "../../api/types";

type Table = Readonly<Record<string, unknown>>;

/** Its files are not in it: they are uploaded, not written. */
export function manifestText({ files: _, ...manifest }: Partial<Manifest>): string {
  return `${lines(manifest, []).join("\n")}\n`;
}

function lines(table: Table, path: readonly string[]): string[] {
  const entries = Object.entries(table).filter(([, value]) => !isNothing(value));
  const own = entries.filter(([, value]) => !isTable(value) && !isTables(value));
  const made = own.map(([key, value]) => `${bare(key)} = ${inline(value)}`);
  for (const [key, value] of entries) {
    const at = [...path, bare(key)];
    if (isTable(value)) made.push("", `[${at.join(".")}]`, ...lines(value, at));
    else if (isTables(value)) for (const one of value) made.push("", `[[${at.join(".")}]]`, ...lines(one, at));
  }
  return made[0] === "" ? made.slice(1) : made;
}

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTables = (value: unknown): value is readonly Table[] =>
  Array.isArray(value) && value.length > 0 && value.every(isTable);
const isNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (Array.isArray(value) && value.length === 0) ||
  (isTable(value) && Object.values(value).every(isNothing));

const bare = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : text(key));

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  return typeof value === "string" ? text(value) : String(value);
}

/** The escapes of JSON are TOML's too, but for the one character that only TOML wants escaped. */
const text = (value: string): string => JSON.stringify(value).replaceAll("\u007f", "\\u007f");
