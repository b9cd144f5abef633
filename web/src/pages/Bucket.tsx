// The keys of one bucket, by their prefixes.
import { useEffect, useMemo, useState } from "preact/hooks";
import { path, withQuery } from "../api/client";
import { usePages } from "../api/pages";
import { can } from "../api/session";
import type { KeyEntry } from "../api/types";
import { count } from "../lib/format";
import { focusHeading } from "../lib/focus";
import { query, setQuery } from "../lib/location";
import { ActionButton } from "../parts/ActionButton";
import { EmptyState } from "../parts/EmptyState";
import { Icon } from "../parts/Icon";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { FilterInput } from "../parts/Toolbar";
import type { PageProps } from "../routes";
import { KeyDialog } from "./buckets/KeyDialog";
import { KeysTable } from "./buckets/KeysTable";
import { Groups, Steps } from "./buckets/Prefix";
import "../parts/message.css";
import "./buckets/buckets.css";

interface KeyPage {
  entries: KeyEntry[];
  cursor?: string | null;
}

const rowsOf = ({ entries }: KeyPage): KeyEntry[] => entries;
const ROWS = 200;
const TYPED_AFTER_MS = 250;

export default function Bucket({ params }: PageProps) {
  const bucket = params["bucket"] ?? "";
  const prefix = query.value.get("prefix") ?? "";
  const key = query.value.get("key");
  const list = usePages(withQuery(path`/buckets/${bucket}/keys`, { prefix }), rowsOf);
  const [rows, setRows] = useState(ROWS);
  const [adding, setAdding] = useState(false);
  useEffect(() => setRows(ROWS), [prefix]);

  const entries = list.data ?? [];
  const shown = useMemo(() => entries.slice(0, rows), [list.data, rows]);
  const more = list.more || entries.length > rows;
  const showMore = async () => {
    if (rows + ROWS > entries.length && list.more) await list.readMore();
    setRows(rows + ROWS);
  };
  const close = () => {
    setAdding(false);
    setQuery("key", null);
  };
  const actions = (
    <>
      <button type="button" class="icon-button" aria-label="Read again" title="Read again" onClick={list.reload}>
        <Icon name="refresh" />
      </button>
      {can.deploy.value && (
        <button type="button" class="button primary" onClick={() => setAdding(true)}>
          New key
        </button>
      )}
    </>
  );
  return (
    <Page title={bucket} crumbs={[{ href: "#/buckets", text: "Buckets" }]} actions={actions}>
      <Section title="Keys" actions={<PrefixFilter prefix={prefix} />}>
        <Loaded resource={list} what="the keys" empty={<NoKeys bucket={bucket} prefix={prefix} />}>
          {() => (
            <>
              <Steps bucket={bucket} prefix={prefix} />
              <Groups bucket={bucket} entries={entries} prefix={prefix} more={list.more} />
              <KeysTable entries={shown} onOpen={(one) => setQuery("key", one)} />
              <div class="table-note row">
                <span class="quiet">
                  {more
                    ? `The first ${count(shown.length)}, in the order of their bytes.`
                    : `${count(entries.length)} in all, in the order of their bytes.`}
                </span>
                {more && (
                  <ActionButton small run={showMore} failure="Not read">
                    Show more
                  </ActionButton>
                )}
              </div>
            </>
          )}
        </Loaded>
      </Section>
      <KeyDialog
        bucket={bucket}
        name={adding ? null : key}
        open={adding || key !== null}
        prefix={prefix}
        onClose={close}
        onChanged={() => {
          close();
          list.reload();
          focusHeading();
        }}
      />
    </Page>
  );
}

/** The host looks for it, so that it finds keys that were not read yet. */
function PrefixFilter({ prefix }: { prefix: string }) {
  const [typed, setTyped] = useState(prefix);
  useEffect(() => setTyped(prefix), [prefix]);
  useEffect(() => {
    if (typed === prefix) return undefined;
    const timer = setTimeout(() => setQuery("prefix", typed), TYPED_AFTER_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <FilterInput label="Keys that begin with" placeholder="Keys that begin with …" value={typed} onInput={setTyped} />
  );
}

function NoKeys({ bucket, prefix }: { bucket: string; prefix: string }) {
  if (prefix) {
    return (
      <EmptyState
        title="No key begins like this"
        text={
          <>
            No key of this bucket begins with <code class="verbatim">{prefix}</code>.
          </>
        }
        action={
          <button type="button" class="button" onClick={() => setQuery("prefix", null)}>
            Show all keys
          </button>
        }
      />
    );
  }
  return (
    <EmptyState
      title="This bucket holds nothing"
      text={`A function writes to it when its manifest grants it the bucket ${bucket}.`}
      commands={
        can.deploy.value
          ? [
              { label: "Set a key:", command: `tidegate kv set ${bucket} greeting hello` },
              { label: "Let a function use the bucket:", command: `tidegate deploy hello.wasm --bucket ${bucket}` },
            ]
          : []
      }
    />
  );
}
