// Secrets by their names.
import { useState } from "preact/hooks";
import { del, path } from "../../api/client";
import { useResource } from "../../api/resource";
import { can } from "../../api/session";
import type { SecretSummary } from "../../api/types";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { DeleteButton } from "../../parts/DeleteButton";
import { EmptyState } from "../../parts/EmptyState";
import { Loaded } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { RelativeTime } from "../../parts/RelativeTime";
import { type Column, Table } from "../../parts/Table";
import { SecretDialog } from "./SecretDialog";

interface SecretList {
  secrets: SecretSummary[];
}
const isEmpty = ({ secrets }: SecretList): boolean => secrets.length === 0;

export function Secrets() {
  const list = useResource<SecretList>("/secrets", { isEmpty });
  const [set, setSet] = useState<string | null>(null);
  const [deleted, setDeleted] = useState<string | null>(null);
  const administers = can.administer.value;
  const add = administers && (
    <button type="button" class="button primary" onClick={() => setSet("")}>
      Set a secret
    </button>
  );
  return (
    <Section title="Secrets" actions={list.state === "data" && add}>
      <Loaded
        resource={list}
        what="the secrets"
        empty={
          <EmptyState
            title="No secrets yet"
            text={`A secret is a value, such as a password for another service, that functions read by its name and that nobody else gets to see. ${add ? "" : "Only an admin sets one."}`}
            action={add || undefined}
            commands={
              add
                ? [{ label: "Or on the command line:", command: "tidegate secret set weather-key --file key.txt" }]
                : []
            }
          />
        }
      >
        {({ secrets }) => (
          <Table
            caption="Secrets"
            columns={administers ? [...shown, controls(setSet, setDeleted)] : shown}
            rows={secrets}
            rowKey={(row) => row.name}
            sorting={{ column: "name", descending: false }}
          />
        )}
      </Loaded>
      <SecretDialog name={set} onClose={() => setSet(null)} onSet={list.reload} />
      <ConfirmDialog
        open={deleted !== null}
        title={`Delete ${deleted ?? ""}`}
        text="Its value is gone for good. A secret that a running function needs is not deleted."
        name={deleted ?? ""}
        action="Delete"
        onConfirm={async () => {
          if (deleted) await del(path`/secrets/${deleted}`);
          list.reload();
        }}
        onClose={() => setDeleted(null)}
      />
    </Section>
  );
}

const shown: readonly Column<SecretSummary>[] = [
  { id: "name", title: "Secret", header: true, sort: (row) => row.name, cell: (row) => row.name },
  {
    id: "changed",
    title: "Changed",
    sort: (row) => row.updated_at,
    cell: (row) => <RelativeTime at={row.updated_at} />,
  },
];

const controls = (onSet: (name: string) => void, onDelete: (name: string) => void): Column<SecretSummary> => ({
  id: "controls",
  title: "Controls",
  untitled: true,
  phone: "whole",
  cell: ({ name }) => (
    <div class="row-controls">
      <button type="button" class="button small" onClick={() => onSet(name)}>
        New value<span class="hidden"> for {name}</span>
      </button>
      <DeleteButton name={name} onClick={() => onDelete(name)} />
    </div>
  ),
});
