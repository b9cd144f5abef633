// Invocations, each with where its time went.
import type { ComponentChildren } from "preact";
import type { Invocation } from "../../api/types";
import { bytes, clock, dateTime, duration } from "../../lib/format";
import { to } from "../../lib/location";
import { Icon } from "../../parts/Icon";
import { OutcomeBadge } from "../../parts/StatusBadge";
import { type Column, Table } from "../../parts/Table";
import { Split } from "./Split";
import { hasFailed } from "./recent";

export interface InvocationTableProps {
  name: string;
  rows: readonly Invocation[];
  filter: string;
  onClear: () => void;
  empty: ComponentChildren;
}

export function InvocationTable({ name, rows, filter, onClear, empty }: InvocationTableProps) {
  return (
    <Table
      caption={`Invocations of ${name}, newest first`}
      columns={columns(name)}
      rows={rows}
      rowKey={(row) => row.id}
      rowClass={(row) => (hasFailed(row) ? "failed" : "")}
      filter={filter}
      onClear={onClear}
      empty={empty}
    />
  );
}

const columns = (name: string): Column<Invocation>[] => [
  {
    id: "event",
    title: "Event",
    header: true,
    sort: (row) => row.event,
    cell: (row) => (
      <span class="invocation-event">
        <span class="quiet" title={`By ${row.trigger}`}>
          <Icon name={row.trigger} size={14} />
          <span class="hidden">{row.trigger} </span>
        </span>
        <a href={to`/functions/${name}/invocations/${row.id}`} title={row.event}>
          {row.event || row.trigger}
        </a>
      </span>
    ),
  },
  {
    id: "outcome",
    title: "Outcome",
    sort: (row) => row.outcome,
    cell: (row) => (
      <>
        <OutcomeBadge outcome={row.outcome} blame={row.blame} />
        {row.blame && <span class="quiet small"> {row.blame}</span>}
      </>
    ),
  },
  { id: "status", title: "Status", numeric: true, sort: (row) => row.status, cell: (row) => row.status ?? "–" },
  {
    id: "time",
    title: "Time",
    numeric: true,
    sort: (row) => row.started_at,
    cell: (row) => (
      <time dateTime={row.started_at} title={dateTime(row.started_at)}>
        {clock(row.started_at)}
      </time>
    ),
  },
  {
    id: "duration",
    title: "Duration",
    numeric: true,
    sort: (row) => row.duration_ms,
    cell: (row) => <Split times={row} />,
  },
  {
    id: "cpu",
    title: "CPU",
    numeric: true,
    sort: (row) => row.cpu_ms,
    cell: (row) => duration(row.cpu_ms),
  },
  {
    id: "memory",
    title: "Memory",
    numeric: true,
    sort: (row) => row.memory_peak_bytes,
    cell: (row) => bytes(row.memory_peak_bytes),
  },
];
