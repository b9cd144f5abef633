// Dead letters, the newest first.
import type { DeadLetter } from "../../api/types";
import { bytes, count } from "../../lib/format";
import { to } from "../../lib/location";
import { reasonParts } from "../../lib/outcome";
import { visible } from "../../lib/payload";
import { RelativeTime } from "../../parts/RelativeTime";
import { type Column, Table } from "../../parts/Table";
import "./letters.css";

const columnsOf = (onOpen: (letter: DeadLetter) => void): readonly Column<DeadLetter>[] => [
  {
    id: "topic",
    title: "Topic",
    header: true,
    sort: (row) => row.topic,
    cell: (row) => (
      <button type="button" class="link verbatim" onClick={() => onOpen(row)}>
        {visible(row.topic)}
      </button>
    ),
  },
  {
    id: "reason",
    title: "Reason",
    phone: "bare",
    sort: (row) => row.reason,
    cell: ({ reason }) => (
      <span class="letter-reason bad-text" title={reason}>
        {visible(reasonParts(reason).first)}
      </span>
    ),
  },
  {
    id: "function",
    title: "Function",
    phone: "double",
    sort: (row) => row.function,
    cell: (row) => <a href={to`/functions/${row.function}`}>{row.function}</a>,
  },
  {
    id: "attempts",
    title: "Attempts",
    numeric: true,
    phone: "none",
    sort: (row) => row.attempts,
    cell: (row) => count(row.attempts),
  },
  {
    id: "bytes",
    title: "Size",
    numeric: true,
    phone: "none",
    sort: (row) => row.payload_bytes,
    cell: (row) => bytes(row.payload_bytes),
  },
  {
    id: "last",
    title: "Last attempt",
    numeric: true,
    sort: (row) => row.last_attempt_at,
    cell: (row) => <RelativeTime at={row.last_attempt_at} />,
  },
];

export interface LettersTableProps {
  /** All of them are of one function. */
  ofOne: boolean;
  letters: readonly DeadLetter[];
  onOpen: (letter: DeadLetter) => void;
}

export const LettersTable = ({ letters, ofOne, onOpen }: LettersTableProps) => (
  <Table
    caption="Dead letters, the newest first"
    columns={columnsOf(onOpen).filter(({ id }) => !ofOne || id !== "function")}
    rows={letters}
    rowKey={(row) => `${row.function}/${row.id}`}
  />
);
