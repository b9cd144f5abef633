// Keys and their prefixes.
import type { KeyEntry } from "../../api/types";
import { path } from "../../api/client";

export const KEY_BYTES_MAX = 1024;
export const VALUE_BYTES_MAX = 1024 * 1024;
export const BUCKET_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Where the key is. Its slashes are encoded too: the host decodes them, and a `..` between two of them would otherwise
 * be taken for a step up, and another key would be read or deleted.
 */
export const keyPath = (bucket: string, key: string): string => path`/buckets/${bucket}/keys/${key}`;

/** No encoding keeps these two in an address. */
export const isAddressable = (key: string): boolean => key !== "." && key !== "..";

export function keyProblem(key: string): string | null {
  if (!key) return "Give the key a name.";
  if (!isAddressable(key)) return `“${key}” alone cannot be in an address: choose another name.`;
  return new TextEncoder().encode(key).length > KEY_BYTES_MAX ? `A key has at most ${KEY_BYTES_MAX} bytes.` : null;
}

export interface Step {
  name: string;
  /** With the slash at its end. */
  prefix: string;
}

/** "a/b/c" → "a/", "a/b/": what one can go up to. */
export function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  for (let from = 0, at = text.indexOf("/"); at >= 0; from = at + 1, at = text.indexOf("/", from)) {
    steps.push({ name: text.slice(from, at + 1), prefix: text.slice(0, at + 1) });
  }
  return steps;
}

export interface Group extends Step {
  keys: number;
}

/** What one can go down to: the next levels of these keys, the largest first. */
export function groupsOf(entries: readonly KeyEntry[], prefix: string): Group[] {
  const groups = new Map<string, Group>();
  for (const { key } of entries) {
    const end = key.indexOf("/", prefix.length);
    if (!key.startsWith(prefix) || end < 0) continue;
    const found = key.slice(0, end + 1);
    const group = groups.get(found);
    if (group) group.keys += 1;
    else groups.set(found, { name: key.slice(prefix.length, end + 1), prefix: found, keys: 1 });
  }
  return [...groups.values()].sort((a, b) => b.keys - a.keys || (a.prefix < b.prefix ? -1 : 1));
}

/** What the last level is called, without what a file system would take amiss. */
export const fileNameOf = (key: string): string =>
  (key.split("/").findLast(Boolean) ?? "").replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "") || "value";
