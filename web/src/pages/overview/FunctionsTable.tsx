// All functions, failing ones first.
import { useMemo } from "preact/hooks";
import type { FunctionSummary } from "../../api/types";
import { count, duration, total } from "../../lib/format";
import { to } from "../../lib/location";
import { Icon } from "../../parts/Icon";
import { RelativeTime } from "../../parts/RelativeTime";
import { Sparkline } from "../../parts/Sparkline";
import { type Column, Table } from "../../parts/Table";
import { TriggerChips } from "../../parts/TriggerChips";
import { failingFirst, failuresOf } from "./failures";

const always: readonly Column<FunctionSummary>[] = [
  {
    id: "name",
    title: "Function",
    header: true,
    sort: (row) => row.name,
    cell: (row) => <a href={to`/functions/${row.name}`}>{row.name}</a>,
  },
  {
    id: "triggers",
    title: "Triggers",
    phone: "bare",
    cell: (row) => <TriggerChips triggers={row.triggers} urls={row.urls} />,
  },
  {
    id: "revision",
    title: "Revision",
    numeric: true,
    phone: "none",
    sort: (row) => row.revision,
    cell: (row) => <span title={row.digest}>{row.revision}</span>,
  },
];

const failures: Column<FunctionSummary> = {
  id: "failures",
  title: "Failures",
  numeric: true,
  sort: failuresOf,
  cell: (row) => <Failures row={row} />,
};

const byActivity: readonly Column<FunctionSummary>[] = [
  {
    id: "rate",
    title: "Last hour",
    phone: "double",
    sort: (row) => total(row.activity.per_minute),
    numeric: true,
    cell: ({ activity }) => (
      <span class="rate">
        <Sparkline values={activity.per_minute} failures={activity.failures_per_minute} />
        <span class="rate-total">{count(total(activity.per_minute))}</span>
      </span>
    ),
  },
  {
    id: "p50",
    title: "p50",
    numeric: true,
    sort: (row) => row.activity.p50_ms,
    cell: (row) => duration(row.activity.p50_ms),
  },
  {
    id: "p99",
    title: "p99",
    numeric: true,
    sort: (row) => row.activity.p99_ms,
    cell: (row) => duration(row.activity.p99_ms),
  },
  failures,
  {
    id: "last",
    title: "Last",
    numeric: true,
    sort: (row) => row.activity.last_at,
    cell: (row) => <RelativeTime at={row.activity.last_at} />,
  },
];

/** For a host that does not count by the minute. */
const byTotals: readonly Column<FunctionSummary>[] = [
  {
    id: "invocations",
    title: "Invocations",
    numeric: true,
    sort: (row) => row.invocations,
    cell: (row) => count(row.invocations),
  },
  failures,
];

export interface FunctionsTableProps {
  functions: readonly FunctionSummary[];
  filter: string;
  onClear: () => void;
}

export function FunctionsTable({ functions, filter, onClear }: FunctionsTableProps) {
  const rows = useMemo(
    () => failingFirst(functions.filter((one) => matches(one, filter.toLowerCase()))),
    [functions, filter],
  );
  const columns = [...always, ...(functions.every((one) => one.activity) ? byActivity : byTotals)];
  return (
    <Table
      caption="Functions, failing ones first"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.name}
      filter={filter}
      onClear={onClear}
    />
  );
}

function Failures({ row }: { row: FunctionSummary }) {
  const failed = failuresOf(row);
  if (failed === 0) return <span class="quiet">0</span>;
  return (
    <a
      class="failures bad-text"
      href={`${to`/functions/${row.name}`}?tab=invocations&failed=true`}
      aria-label={`${count(failed)} failures of ${row.name}`}
    >
      <Icon name="cross" size={12} />
      {count(failed)}
    </a>
  );
}

function matches({ name, triggers }: FunctionSummary, wanted: string): boolean {
  const texts = [
    name,
    ...triggers.http.map((one) => one.route),
    ...triggers.mqtt.map((one) => one.topic),
    ...triggers.schedule.map((one) => one.cron),
  ];
  return !wanted || texts.some((text) => text.toLowerCase().includes(wanted));
}
