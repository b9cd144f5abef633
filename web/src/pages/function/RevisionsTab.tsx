// Every revision that the host keeps, what sets it apart from the active one, and the way back to it.
import { useEffect, useRef, useState } from "preact/hooks";
import { path } from "../../api/client";
import { useResource } from "../../api/resource";
import { can } from "../../api/session";
import type { FunctionDetail, Revision } from "../../api/types";
import { bytes, short } from "../../lib/format";
import { query, setQuery } from "../../lib/location";
import { Loaded } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { RelativeTime } from "../../parts/RelativeTime";
import { StatusBadge } from "../../parts/StatusBadge";
import { type Column, Table } from "../../parts/Table";
import { Configuration } from "./Configuration";
import { RevisionDiff } from "./RevisionDiff";
import { RollbackDialog } from "./RollbackDialog";
import { compare } from "./diff";

interface List {
  revisions: Revision[];
}

export interface RevisionsTabProps {
  detail: FunctionDetail;
  onChanged: () => void;
}

export function RevisionsTab({ detail, onChanged }: RevisionsTabProps) {
  const list = useResource<List>(path`/functions/${detail.name}/revisions`);
  const read = useRef(detail.revision);
  useEffect(() => {
    if (read.current !== detail.revision) list.reload();
    read.current = detail.revision;
  }, [detail.revision]);
  return (
    <Loaded resource={list} what="its revisions">
      {(data) => (
        <Revisions
          name={detail.name}
          revisions={data.revisions}
          onChanged={() => {
            list.reload();
            onChanged();
          }}
        />
      )}
    </Loaded>
  );
}

interface RevisionsProps {
  name: string;
  revisions: readonly Revision[];
  onChanged: () => void;
}

function Revisions({ name, revisions, onChanged }: RevisionsProps) {
  const [target, setTarget] = useState<Revision | null>(null);
  const difference = useRef<HTMLDivElement>(null);
  const serving = revisions.find((one) => one.active);
  const others = revisions.filter((one) => !one.active);
  const asked = Number(query.value.get("compare"));
  const compared = others.find((one) => one.revision === asked) ?? before(others, serving);
  const onCompare = ({ revision }: Revision) => {
    setQuery("compare", String(revision));
    difference.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  return (
    <>
      <Section title="Revisions">
        <Table
          caption={`Revisions of ${name}, newest first`}
          columns={columns(compared, onCompare, setTarget)}
          rows={revisions}
          rowKey={(row) => String(row.revision)}
        />
      </Section>
      <div ref={difference} aria-live="polite">
        {serving && compared && (
          <Section title={`With revision ${compared.revision} instead of ${serving.revision}`}>
            <RevisionDiff groups={compare(serving, compared)} />
          </Section>
        )}
      </div>
      {serving && (
        <Section title={`Configuration of revision ${serving.revision}`}>
          <Configuration manifest={serving.manifest} />
        </Section>
      )}
      {serving && (
        <RollbackDialog
          name={name}
          serving={serving}
          target={target}
          onDone={onChanged}
          onClose={() => setTarget(null)}
        />
      )}
    </>
  );
}

/** The one that served before, as far as that can be told. */
function before(others: readonly Revision[], serving: Revision | undefined): Revision | undefined {
  return others.find((one) => one.revision < (serving?.revision ?? 0)) ?? others[0];
}

function columns(
  compared: Revision | undefined,
  onCompare: (to: Revision) => void,
  onRollback: (to: Revision) => void,
): Column<Revision>[] {
  return [
    {
      id: "revision",
      title: "Revision",
      header: true,
      cell: (row) => (
        <span class="row">
          <span class="num">{row.revision}</span>
          {row.active && <StatusBadge tone="ok">active</StatusBadge>}
        </span>
      ),
    },
    { id: "created", title: "Deployed", cell: (row) => <RelativeTime at={row.created_at} /> },
    { id: "by", title: "By", cell: (row) => row.created_by },
    {
      id: "digest",
      title: "Component",
      cell: (row) => <code title={row.digest}>{short(row.digest, 12)}</code>,
    },
    { id: "size", title: "Size", numeric: true, cell: (row) => bytes(row.component_bytes) },
    {
      id: "actions",
      title: "Actions",
      untitled: true,
      phone: "double",
      cell: (row) =>
        !row.active && (
          <span class="actions end">
            <button type="button" class="button small" aria-pressed={row === compared} onClick={() => onCompare(row)}>
              Compare<span class="hidden"> revision {row.revision} with the active one</span>
            </button>
            {can.deploy.value && (
              <button type="button" class="button small" onClick={() => onRollback(row)}>
                Roll back<span class="hidden"> to revision {row.revision}</span>
              </button>
            )}
          </span>
        ),
    },
  ];
}
