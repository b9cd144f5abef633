// Sessions, with and without a connection.
import type { ClientSnapshot } from "../../api/types";
import { bytes, count } from "../../lib/format";
import { visible } from "../../lib/payload";
import { RelativeTime } from "../../parts/RelativeTime";
import { StatusBadge } from "../../parts/StatusBadge";
import { type Column, Table } from "../../parts/Table";

const ROWS_MAX = 500;

const columnsOf = (onOpen: (id: string) => void): readonly Column<ClientSnapshot>[] => [
  {
    id: "client",
    title: "Client id",
    header: true,
    sort: (row) => row.client_id,
    cell: ({ client_id }) => (
      <button type="button" class="link verbatim" onClick={() => onOpen(client_id)}>
        {visible(client_id)}
      </button>
    ),
  },
  {
    id: "state",
    title: "State",
    phone: "double",
    sort: (row) => (row.address ? 0 : 1),
    cell: ({ address, transport, version }) => (
      <span class="client-state">
        <StatusBadge tone={address ? "ok" : "neutral"}>{address ? "on line" : "off line"}</StatusBadge>
        {address && (
          <>
            <span class="nowrap">
              {transport}, MQTT {version}
            </span>
            <span class="client-address quiet small">{address}</span>
          </>
        )}
      </span>
    ),
  },
  {
    id: "identity",
    title: "Device",
    sort: (row) => row.identity,
    cell: ({ identity }) => identity ?? <span class="quiet">anonymous</span>,
  },
  {
    id: "since",
    title: "Since",
    numeric: true,
    sort: (row) => row.connected_ms,
    cell: ({ connected_ms }) => <RelativeTime at={connected_ms} none="–" />,
  },
  {
    id: "subscriptions",
    title: "Filters",
    numeric: true,
    sort: (row) => row.subscriptions.length,
    cell: ({ subscriptions }) => <span title={subscriptions.join("\n")}>{count(subscriptions.length)}</span>,
  },
  {
    id: "inflight",
    title: "In flight",
    numeric: true,
    sort: (row) => row.inflight,
    cell: (row) => <Counted value={row.inflight} />,
  },
  {
    id: "queued",
    title: "Queued",
    numeric: true,
    sort: (row) => row.queued_bytes,
    cell: ({ queued, queued_bytes }) =>
      queued > 0 ? (
        <>
          {count(queued)} <span class="quiet">({bytes(queued_bytes)})</span>
        </>
      ) : (
        <span class="quiet">0</span>
      ),
  },
  {
    id: "lost",
    title: "Dropped",
    numeric: true,
    sort: (row) => row.dropped,
    cell: (row) => <Counted value={row.dropped} bad />,
  },
  {
    id: "expired",
    title: "Expired",
    numeric: true,
    sort: (row) => row.expired,
    cell: (row) => <Counted value={row.expired} />,
  },
];

const Counted = ({ value, bad = false }: { value: number; bad?: boolean }) => (
  <span class={value === 0 ? "quiet" : bad ? "bad-text" : undefined}>{count(value)}</span>
);

export interface ClientsTableProps {
  clients: readonly ClientSnapshot[];
  filter: string;
  onClear: () => void;
  onOpen: (id: string) => void;
}

export function ClientsTable({ clients, filter, onClear, onOpen }: ClientsTableProps) {
  return (
    <>
      <Table
        caption="Sessions"
        columns={columnsOf(onOpen)}
        rows={clients}
        rowsMax={ROWS_MAX}
        rowKey={(row) => row.client_id}
        filter={filter}
        onClear={onClear}
      />
      {clients.length > ROWS_MAX && (
        <p class="table-note quiet">
          {count(clients.length - ROWS_MAX)} more are not shown: filter to find the one you look for.
        </p>
      )}
    </>
  );
}
