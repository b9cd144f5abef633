// What waits for functions.
import type { InboxSnapshot } from "../../api/types";
import { bytes, count } from "../../lib/format";
import { to } from "../../lib/location";
import { RelativeTime } from "../../parts/RelativeTime";
import { type Column, Table } from "../../parts/Table";

const number = (value: number, tone = "") => (
  <span class={value === 0 ? "quiet" : tone || undefined}>{count(value)}</span>
);

const columns: readonly Column<InboxSnapshot>[] = [
  {
    id: "function",
    title: "Function",
    header: true,
    sort: (row) => row.function,
    cell: (row) => <a href={to`/functions/${row.function}`}>{row.function}</a>,
  },
  { id: "depth", title: "Waiting", numeric: true, sort: (row) => row.depth, cell: (row) => number(row.depth) },
  {
    id: "bytes",
    title: "Size",
    numeric: true,
    sort: (row) => row.bytes,
    cell: (row) => (row.bytes ? bytes(row.bytes) : <span class="quiet">0 B</span>),
  },
  {
    id: "failing",
    title: "Failing",
    numeric: true,
    sort: (row) => row.failing,
    cell: (row) => number(row.failing, "bad-text"),
  },
  {
    id: "oldest",
    title: "Oldest",
    numeric: true,
    sort: (row) => row.oldest_ms,
    cell: (row) => <RelativeTime at={row.oldest_ms} none="–" />,
  },
  {
    id: "dropped",
    title: "Dropped",
    numeric: true,
    sort: (row) => row.dropped,
    cell: (row) => number(row.dropped, "bad-text"),
  },
  { id: "expired", title: "Expired", numeric: true, sort: (row) => row.expired, cell: (row) => number(row.expired) },
  {
    id: "dead",
    title: "Dead letters",
    numeric: true,
    sort: (row) => row.dead_letters,
    cell: (row) =>
      row.dead_letters === 0 ? (
        <span class="quiet">0</span>
      ) : (
        <a
          href={`#/dead-letters?function=${encodeURIComponent(row.function)}`}
          aria-label={`${count(row.dead_letters)} dead letters of ${row.function}`}
        >
          {count(row.dead_letters)}
        </a>
      ),
  },
];

export function InboxesTable({ inboxes }: { inboxes: readonly InboxSnapshot[] }) {
  return (
    <>
      <Table caption="Inboxes of functions" columns={columns} rows={inboxes} rowKey={(row) => row.function} />
      <p class="table-note quiet">Dropped, expired and dead letters are counted since the host started.</p>
    </>
  );
}
