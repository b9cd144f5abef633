// What a key does in the tree (WAI-ARIA authoring practices, tree view).
import type { TopicNode, TreeRow } from "./tree";

export type Move = { focus: number } | { expand: readonly TopicNode[]; open: boolean } | { choose: TreeRow };

export function moveTo(rows: readonly TreeRow[], at: number, key: string): Move | null {
  const row = rows[at];
  if (!row) return null;
  switch (key) {
    case "ArrowDown":
      return { focus: Math.min(at + 1, rows.length - 1) };
    case "ArrowUp":
      return { focus: Math.max(at - 1, 0) };
    case "Home":
      return { focus: 0 };
    case "End":
      return { focus: rows.length - 1 };
    case "Enter":
    case " ":
      return { choose: row };
    case "ArrowRight":
      if (row.kind === "more" || row.expanded === null) return { focus: at };
      return row.expanded ? { focus: at + 1 } : { expand: [row.node], open: true };
    case "ArrowLeft":
      if (row.kind === "node" && row.expanded) return { expand: [row.node], open: false };
      return { focus: parentOf(rows, at) };
    case "*":
      return { expand: beside(rows, row), open: true };
  }
  return key.length === 1 ? typed(rows, at, key.toLowerCase()) : null;
}

const levelOf = (row: TreeRow): number => (row.kind === "node" ? row.node.level : row.parent.level + 1);

function parentOf(rows: readonly TreeRow[], at: number): number {
  const level = levelOf(rows[at] as TreeRow);
  const found = rows.slice(0, at).findLastIndex((row) => levelOf(row) < level);
  return found < 0 ? at : found;
}

/** All on the same level below the same parent. */
function beside(rows: readonly TreeRow[], row: TreeRow): TopicNode[] {
  const parent = (one: TreeRow): string =>
    one.kind === "more" ? `/${one.parent.path}` : `/${one.node.path.slice(0, -one.node.name.length - 1)}`;
  return rows.flatMap((one) =>
    one.kind === "node" && levelOf(one) === levelOf(row) && parent(one) === parent(row) ? [one.node] : [],
  );
}

/** The next one that begins with the letter; none: the key means what it means elsewhere on the page. */
function typed(rows: readonly TreeRow[], at: number, letter: string): Move | null {
  const order = [...rows.keys()].map((index) => (at + 1 + index) % rows.length);
  const found = order.find((index) => {
    const row = rows[index];
    return row?.kind === "node" && row.node.name.toLowerCase().startsWith(letter);
  });
  return found === undefined ? null : { focus: found };
}
