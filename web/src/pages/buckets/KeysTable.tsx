// Keys, with what can be said of each without its value.
import type { KeyEntry } from "../../api/types";
import { bytes } from "../../lib/format";
import { visible } from "../../lib/payload";
import { RelativeTime } from "../../parts/RelativeTime";
import { type Column, Table } from "../../parts/Table";

const columnsOf = (onOpen: (key: string) => void): readonly Column<KeyEntry>[] => [
  {
    id: "key",
    title: "Key",
    header: true,
    sort: (row) => row.key,
    cell: ({ key }) => (
      <button type="button" class="link verbatim key-step" onClick={() => onOpen(key)}>
        {visible(key)}
      </button>
    ),
  },
  { id: "bytes", title: "Size", numeric: true, sort: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
  {
    id: "expires",
    title: "Expires",
    numeric: true,
    phone: "double",
    sort: (row) => row.expires_at,
    cell: (row) => <RelativeTime at={row.expires_at} />,
  },
];

export interface KeysTableProps {
  entries: readonly KeyEntry[];
  onOpen: (key: string) => void;
}

export const KeysTable = ({ entries, onOpen }: KeysTableProps) => (
  <Table caption="Keys" columns={columnsOf(onOpen)} rows={entries} rowKey={(row) => row.key} />
);
