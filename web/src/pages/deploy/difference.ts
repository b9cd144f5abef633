// What a revision does that another one does not.
import type { Grants, Manifest, Triggers } from "../../api/types";
import { type Words, plain, grantsInWords, triggerInWords } from "../../lib/words";

const startedBy = ({ http, mqtt, schedule }: Triggers): Words[] =>
  [...http, ...mqtt, ...schedule].map((trigger) => {
    const { does, ...rest } = triggerInWords(trigger);
    return { does: `is started by ${does}`, ...rest };
  });

/** Limits, configuration and environment as written; values of the latter two may be private, so they are not shown. */
function settled(manifest: Partial<Manifest>): Words[] {
  const entries = (table: object | null | undefined) =>
    Object.entries(table ?? {}).filter(([, value]) => value !== null);
  const limit = (key: string, value: unknown) => ({ does: "has the limit", what: `${key} = ${String(value)}` });
  return [
    ...entries(manifest.limits).map(([key, value]) => limit(key, value)),
    ...entries(manifest.config).map(([what]) => ({ does: "has the setting", what })),
    ...entries(manifest.environment).map(([what]) => ({ does: "has the environment variable", what })),
  ];
}

/** What the running revision does and the next one would not, and the other way round. */
export function difference(
  before: { triggers: Triggers; manifest: Partial<Manifest> },
  after: { triggers: Triggers; grants: Grants; manifest: Partial<Manifest> },
): { gone: Words[]; added: Words[] } {
  const all = (triggers: Triggers, grants: Parameters<typeof grantsInWords>[0], manifest: Partial<Manifest>) => [
    ...startedBy(triggers),
    ...grantsInWords(grants, manifest),
    ...settled(manifest),
  ];
  const old = all(before.triggers, before.manifest.grants, before.manifest);
  const fresh = all(after.triggers, after.grants, after.manifest);
  const without = (from: Words[], others: Words[]) => {
    const texts = new Set(others.map(plain));
    return from.filter((one) => !texts.has(plain(one)));
  };
  return { gone: without(old, fresh), added: without(fresh, old) };
}
