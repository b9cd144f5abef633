// Ways up and down where keys have slashes in them.
import type { KeyEntry } from "../../api/types";
import { count } from "../../lib/format";
import { to } from "../../lib/location";
import { visible } from "../../lib/payload";
import { groupsOf, stepsOf } from "./keys";

const GROUPS_MAX = 40;

const hrefOf = (bucket: string, prefix: string): string =>
  to`/buckets/${bucket}` + (prefix ? `?prefix=${encodeURIComponent(prefix)}` : "");

export function Steps({ bucket, prefix }: { bucket: string; prefix: string }) {
  if (!prefix) return null;
  const steps = stepsOf(prefix);
  const rest = prefix.slice(steps.at(-1)?.prefix.length ?? 0);
  return (
    <nav class="steps groups" aria-label="Prefix">
      <a href={hrefOf(bucket, "")}>all keys</a>
      <span class="quiet">&nbsp;/&nbsp;</span>
      {steps.map((step) =>
        step.prefix === prefix ? (
          <strong key={step.prefix} class="verbatim" aria-current="true">
            {visible(step.name)}
          </strong>
        ) : (
          <a key={step.prefix} class="verbatim" href={hrefOf(bucket, step.prefix)}>
            {visible(step.name)}
          </a>
        ),
      )}
      {rest && (
        <strong class="verbatim" aria-current="true">
          {visible(rest)}…
        </strong>
      )}
    </nav>
  );
}

export interface GroupsProps {
  bucket: string;
  entries: readonly KeyEntry[];
  prefix: string;
  /** Keys that were not read yet may have further prefixes. */
  more: boolean;
}

export function Groups({ bucket, entries, prefix, more }: GroupsProps) {
  const groups = groupsOf(entries, prefix);
  // One that holds all of them leads nowhere that the table does not show.
  if (groups.length === 0 || (groups.length === 1 && groups[0]?.keys === entries.length && !more)) return null;
  const hidden = groups.length - GROUPS_MAX;
  return (
    <nav class="groups" aria-label="Prefixes of these keys">
      {groups.slice(0, GROUPS_MAX).map((group) => (
        <a key={group.prefix} class="chip" href={hrefOf(bucket, group.prefix)}>
          <span class="verbatim line">{visible(group.name)}</span>
          <span class="quiet num">
            {count(group.keys)}
            {more && "+"}
          </span>
        </a>
      ))}
      {hidden > 0 && <span class="quiet small">and {count(hidden)} more prefixes</span>}
    </nav>
  );
}
