// The topics as a tree of their levels. Counts are summed up the branches.
import type { TopicSnapshot } from "../../api/types";

export interface TopicNode {
  /** The levels down to here, joined by `/`; of the root it says nothing. */
  path: string;
  /** The last of them. */
  name: string;
  /** 0 for the first level; -1 for the root. */
  level: number;
  children: Map<string, TopicNode>;
  /** Where messages were published to exactly this, or one is retained. */
  topic: TopicSnapshot | null;
  /** Topics here and below. */
  topics: number;
  messages: number;
  bytes: number;
  rate: number;
  /** Retained messages here and below. */
  retained: number;
}

const node = (path: string, name: string, level: number): TopicNode => ({
  path,
  name,
  level,
  children: new Map(),
  topic: null,
  topics: 0,
  messages: 0,
  bytes: 0,
  rate: 0,
  retained: 0,
});

export function buildTree(topics: readonly TopicSnapshot[]): TopicNode {
  const root = node("", "", -1);
  for (const topic of topics) {
    let at = root;
    add(at, topic);
    let end = -1;
    for (const [level, name] of topic.topic.split("/").entries()) {
      end += name.length + 1;
      let child = at.children.get(name);
      if (!child) {
        child = node(topic.topic.slice(0, end), name, level);
        at.children.set(name, child);
      }
      add(child, topic);
      at = child;
    }
    at.topic = topic;
  }
  return root;
}

function add(to: TopicNode, { messages, bytes, rate, retained_bytes }: TopicSnapshot): void {
  to.topics += 1;
  to.messages += messages;
  to.bytes += bytes;
  to.rate += rate;
  to.retained += typeof retained_bytes === "number" ? 1 : 0;
}

export function findNode(root: TopicNode, path: string): TopicNode | null {
  let at: TopicNode | undefined = root;
  for (const name of path.split("/")) at = at?.children.get(name);
  return at ?? null;
}

/** What is followed when the node is chosen: itself, and all below. */
export const filterOf = ({ path, children }: TopicNode): string => (children.size > 0 ? `${path}/#` : path);

/** The path of the node that a filter stands for; null where it stands for none, or for all. */
export function pathOf(filter: string | null): string | null {
  const path = filter?.replace(/\/#$/, "") ?? "";
  return filter && !/[+#]/.test(path) ? path : null;
}

export type TreeRow =
  | { kind: "node"; node: TopicNode; expanded: boolean | null; position: number; siblings: number }
  /** Children that are not shown. */
  | { kind: "more"; parent: TopicNode; hidden: number };

export interface Shown {
  isExpanded: (node: TopicNode) => boolean;
  /** Children of a node that are shown at most. */
  childrenMax: (path: string) => number;
  rowsMax: number;
}

/** "boiler-2" before "boiler-10". */
const { compare } = new Intl.Collator("en", { numeric: true });

/** The rows from top to bottom; nothing below what is collapsed. */
export function visibleRows(root: TopicNode, { isExpanded, childrenMax, rowsMax }: Shown): TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (parent: TopicNode) => {
    const children = [...parent.children.values()].sort((a, b) => compare(a.name, b.name));
    const most = childrenMax(parent === root ? "" : `/${parent.path}`);
    for (const [index, child] of children.entries()) {
      if (index >= most || rows.length >= rowsMax) {
        rows.push({ kind: "more", parent, hidden: children.length - index });
        return;
      }
      const expanded = child.children.size > 0 ? isExpanded(child) : null;
      rows.push({ kind: "node", node: child, expanded, position: index + 1, siblings: children.length });
      if (expanded) walk(child);
    }
  };
  walk(root);
  return rows;
}
