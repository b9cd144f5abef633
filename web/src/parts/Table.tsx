// A table that can be sorted, and walked with j and k. On a phone each row becomes a small card.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Icon } from "./Icon";

export interface Column<Row> {
  id: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** Makes the column sortable. Rows without a value come last. */
  sort?: (row: Row) => string | number | null | undefined;
  /** Right-aligned, and the first click sorts the largest first. */
  numeric?: boolean;
  /** The cell that names the row. */
  header?: boolean;
  /**
   * How much of the card's width it takes on a phone; a third where this is left out. `bare`: all of it, and it goes
   * without its title.
   */
  phone?: "whole" | "bare" | "double" | "none";
  /** Shows the title only to screen readers, as for a column of buttons. */
  untitled?: boolean;
}

export interface Sorting {
  column: string;
  descending: boolean;
}

export interface TableProps<Row> {
  /** Says what the table holds; for screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** Left out: in the order of `rows`. */
  sorting?: Sorting;
  /** What was filtered for; with `onClear` it is named where no row is left. */
  filter?: string;
  onClear?: () => void;
  /** Where there are no rows, and no filter is the reason. */
  empty?: ComponentChildren;
  rowClass?: (row: Row) => string;
  /** Rows that are drawn at most, once they are sorted. Say beside the table how many are not. */
  rowsMax?: number;
}

export function Table<Row>({
  caption,
  columns,
  rows,
  rowKey,
  sorting,
  filter = "",
  onClear,
  empty,
  rowClass,
  rowsMax = Infinity,
}: TableProps<Row>) {
  const [chosen, setChosen] = useState<Sorting | null>(sorting ?? null);
  const by = columns.find((column) => column.id === chosen?.column)?.sort;
  const sorted = useMemo(() => (by && chosen ? sortRows(rows, by, chosen.descending) : rows), [rows, by, chosen]);
  if (rows.length === 0) return filter ? <NoMatch filter={filter} {...(onClear ? { onClear } : {})} /> : <>{empty}</>;
  return (
    <div class="table-scroll">
      <table class="table" role="table" onKeyDown={walk}>
        <caption class="hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} sorting={chosen} onSort={setChosen} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted.slice(0, rowsMax).map((row) => (
            <tr key={rowKey(row)} role="row" class={rowClass?.(row)}>
              {columns.map((column) =>
                column.header ? (
                  <th key={column.id} scope="row" role="rowheader">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td
                    key={column.id}
                    role="cell"
                    class={`${column.numeric ? "num right" : ""} ${column.phone ?? ""}`}
                    data-label={column.untitled ? undefined : column.title}
                  >
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeaderCellProps<Row> {
  column: Column<Row>;
  sorting: Sorting | null;
  onSort: (sorting: Sorting) => void;
}

function HeaderCell<Row>({ column, sorting, onSort }: HeaderCellProps<Row>) {
  const { id, title, sort, numeric = false, untitled = false } = column;
  const text = untitled ? <span class="hidden">{title}</span> : title;
  const style = numeric ? "right" : "";
  if (!sort) {
    return (
      <th scope="col" role="columnheader" class={style}>
        {text}
      </th>
    );
  }
  const active = sorting?.column === id ? sorting : null;
  const descending = active ? !active.descending : numeric;
  return (
    <th
      scope="col"
      role="columnheader"
      class={style}
      aria-sort={active ? (active.descending ? "descending" : "ascending") : undefined}
    >
      <button type="button" class="sort" onClick={() => onSort({ column: id, descending })}>
        {text}
        <span class={active ? "sort-mark" : "sort-mark idle"}>
          <Icon name={(active ? active.descending : numeric) ? "down" : "up"} size={11} />
        </span>
      </button>
    </th>
  );
}

export function NoMatch({ filter, onClear }: { filter: string; onClear?: () => void }) {
  return (
    <p class="no-match quiet">
      Nothing matches “{filter}”.{" "}
      {onClear && (
        <button type="button" class="link" onClick={onClear}>
          Clear the filter
        </button>
      )}
    </p>
  );
}

function sortRows<Row>(
  rows: readonly Row[],
  by: NonNullable<Column<Row>["sort"]>,
  descending: boolean,
): readonly Row[] {
  const sign = descending ? -1 : 1;
  return rows.toSorted((left, right) => {
    const [a, b] = [by(left) ?? null, by(right) ?? null];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return a === b ? 0 : a < b ? -sign : sign;
  });
}

/** j and k go to the first link or button of the next row and of the one before. */
function walk(event: KeyboardEvent): void {
  const step = event.key === "j" ? "nextElementSibling" : event.key === "k" ? "previousElementSibling" : null;
  if (
    !step ||
    event.ctrlKey ||
    event.metaKey ||
    !(event.target instanceof HTMLElement) ||
    event.target.matches("input")
  )
    return;
  const row = event.target.closest("tbody tr")?.[step];
  const first = row?.querySelector<HTMLElement>("a, button");
  if (!first) return;
  event.preventDefault();
  first.focus();
}
