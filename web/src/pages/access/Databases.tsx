// SQL databases of functions, and who has them.
import { useState } from "preact/hooks";
import { del, path } from "../../api/client";
import { useResource } from "../../api/resource";
import { can } from "../../api/session";
import type { DatabaseSummary } from "../../api/types";
import { bytes } from "../../lib/format";
import { to } from "../../lib/location";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { DeleteButton } from "../../parts/DeleteButton";
import { EmptyState } from "../../parts/EmptyState";
import { Loaded } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { type Column, Table } from "../../parts/Table";

interface DatabaseList {
  databases: DatabaseSummary[];
}
const isEmpty = ({ databases }: DatabaseList): boolean => databases.length === 0;

export function Databases() {
  const list = useResource<DatabaseList>("/databases", { isEmpty });
  const [deleted, setDeleted] = useState<string | null>(null);
  return (
    <Section title="SQL databases">
      <Loaded
        resource={list}
        what="the databases"
        empty={
          <EmptyState
            title="No databases yet"
            text={
              <>
                A function has one from its first use on, where its manifest grants it:{" "}
                <code>databases = ["readings"]</code> in <code>[grants]</code>.
              </>
            }
          />
        }
      >
        {({ databases }) => (
          <Table
            caption="SQL databases"
            columns={can.administer.value ? [...shown, controls(setDeleted)] : shown}
            rows={databases}
            rowKey={(row) => row.name}
            sorting={{ column: "name", descending: false }}
          />
        )}
      </Loaded>
      <ConfirmDialog
        open={deleted !== null}
        title={`Delete ${deleted ?? ""}`}
        text="All tables and rows in it are gone for good."
        name={deleted ?? ""}
        action="Delete"
        onConfirm={async () => {
          if (deleted) await del(path`/databases/${deleted}`);
          list.reload();
        }}
        onClose={() => setDeleted(null)}
      />
    </Section>
  );
}

const shown: readonly Column<DatabaseSummary>[] = [
  { id: "name", title: "Database", header: true, sort: (row) => row.name, cell: (row) => row.name },
  { id: "bytes", title: "Size", numeric: true, sort: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
  {
    id: "functions",
    title: "Granted to",
    phone: "double",
    cell: ({ functions }) =>
      functions.length === 0 ? (
        <span class="quiet">no function</span>
      ) : (
        <ul class="chips">
          {functions.map((one) => (
            <li key={one}>
              <a href={to`/functions/${one}`}>{one}</a>
            </li>
          ))}
        </ul>
      ),
  },
];

const controls = (onDelete: (name: string) => void): Column<DatabaseSummary> => ({
  id: "controls",
  title: "Controls",
  untitled: true,
  phone: "whole",
  cell: ({ name, functions }) =>
    functions.length === 0 && (
      <div class="row-controls">
        <DeleteButton name={name} onClick={() => onDelete(name)} />
      </div>
    ),
});
