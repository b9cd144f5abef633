// The tree, by the WAI-ARIA pattern: one stop for the tab key, arrows inside, Enter chooses.
import { useMemo, useRef, useState } from "preact/hooks";
import { plural } from "../../lib/format";
import { visible } from "../../lib/payload";
import { NoMatch } from "../../parts/Table";
import { NodeRow } from "./NodeRow";
import { moveTo } from "./move";
import { type TopicNode, type TreeRow, visibleRows } from "./tree";

const CHILDREN = 100;
const MORE = 200;
const ROWS_MAX = 1500;
const OPEN_MAX = 12;

export interface TopicTreeProps {
  root: TopicNode;
  filter: string;
  /** The path that is chosen. */
  chosen: string | null;
  onChoose: (node: TopicNode, byPointer: boolean) => void;
  onClear: () => void;
}

export function TopicTree({ root, filter, chosen, onChoose, onClear }: TopicTreeProps) {
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(() => new Map(above(chosen)));
  const [open] = useState(() => new Map<string, boolean>());
  const [most, setMost] = useState<ReadonlyMap<string, number>>(new Map());
  const [focused, setFocused] = useState<string | null>(null);
  const list = useRef<HTMLUListElement>(null);

  // Small branches of the first level begin open, and stay so when they grow: nothing moves by itself.
  const isExpanded = ({ path, level, children }: TopicNode) => {
    if (!open.has(path)) open.set(path, level === 0 && children.size <= OPEN_MAX);
    // Whoever filters wants to see what was found, until they close it.
    return toggled.get(path) ?? (filter !== "" || open.get(path) === true);
  };
  const rows = useMemo(
    () => visibleRows(root, { isExpanded, childrenMax: (path) => most.get(path) ?? CHILDREN, rowsMax: ROWS_MAX }),
    [root, toggled, most, filter],
  );
  if (rows.length === 0) return <NoMatch filter={filter} onClear={onClear} />;

  const expand = (nodes: readonly TopicNode[], open: boolean) =>
    setToggled(new Map([...toggled, ...nodes.map(({ path }): [string, boolean] => [path, open])]));
  const showMore = ({ path, level }: TopicNode) => {
    const key = level < 0 ? "" : `/${path}`;
    setMost(new Map([...most, [key, (most.get(key) ?? CHILDREN) + MORE]]));
  };
  const choose = (row: TreeRow, byPointer = false) => {
    if (row.kind === "more") return showMore(row.parent);
    const { node, expanded } = row;
    // A second click closes what the first one opened.
    if (byPointer && expanded !== null && (!expanded || node.path === chosen)) expand([node], !expanded);
    onChoose(node, byPointer);
  };
  const focus = (index: number) => {
    const row = rows[index];
    if (!row) return;
    setFocused(keyOf(row));
    (list.current?.children[index] as HTMLElement | undefined)?.focus();
  };
  const stop = Math.max(
    0,
    rows.findIndex((row) => keyOf(row) === focused),
  );
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moveTo(rows, stop, event.key);
    if (!move) return;
    event.preventDefault();
    if ("focus" in move) focus(move.focus);
    else if ("expand" in move) expand(move.expand, move.open);
    else choose(move.choose);
  };
  return (
    <div class="tree-box">
      <div class="tree-head" aria-hidden="true">
        <span class="grow">{plural(root.topics, "topic")}</span>
        <span class="tree-number">Messages</span>
        <span class="tree-number">Rate</span>
        <span class="tree-number tree-bytes">Bytes</span>
      </div>
      <ul class="tree" role="tree" aria-label="Topics" ref={list} onKeyDown={onKeyDown}>
        {rows.map((row, index) => {
          const shared = {
            tabIndex: index === stop ? 0 : -1,
            onFocus: () => setFocused(keyOf(row)),
            onChoose: () => choose(row, true),
          };
          return row.kind === "node" ? (
            <NodeRow
              key={keyOf(row)}
              row={row}
              chosen={row.node.path === chosen}
              onToggle={() => expand([row.node], !row.expanded)}
              {...shared}
            />
          ) : (
            <li
              key={keyOf(row)}
              role="treeitem"
              class="tree-row tree-more"
              aria-level={row.parent.level + 2}
              tabIndex={shared.tabIndex}
              style={{ "--level": row.parent.level + 1 }}
              onFocus={shared.onFocus}
              onClick={shared.onChoose}
            >
              {moreText(row, rows.length)}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** What has to be open for `path` to be seen. */
function above(path: string | null): [string, boolean][] {
  const levels = path?.split("/") ?? [];
  return levels.slice(0, -1).map((_, index) => [levels.slice(0, index + 1).join("/"), true]);
}

const keyOf = (row: TreeRow): string => (row.kind === "node" ? `/${row.node.path}` : `more/${row.parent.path}`);

function moreText({ hidden, parent }: TreeRow & { kind: "more" }, rows: number): string {
  const where = parent.level < 0 ? "" : ` in ${visible(parent.path)}`;
  return rows >= ROWS_MAX
    ? `${plural(hidden, "more", "more")}${where}: filter, or close some branches, to see them`
    : `${plural(hidden, "more", "more")}${where}: show ${Math.min(hidden, MORE)}`;
}
