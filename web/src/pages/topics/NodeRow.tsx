// One row of the tree.
import { bytes, compact, count, plural, rate } from "../../lib/format";
import { visible } from "../../lib/payload";
import { Icon } from "../../parts/Icon";
import type { TreeRow } from "./tree";

export interface NodeRowProps {
  row: TreeRow & { kind: "node" };
  chosen: boolean;
  tabIndex: number;
  onFocus: () => void;
  onChoose: () => void;
  onToggle: () => void;
}

export function NodeRow({ row, chosen, tabIndex, onFocus, onChoose, onToggle }: NodeRowProps) {
  const { node, expanded, position, siblings } = row;
  const toggle = (event: MouseEvent) => {
    event.stopPropagation();
    onToggle();
  };
  return (
    <li
      role="treeitem"
      class="tree-row"
      aria-level={node.level + 1}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-expanded={expanded ?? undefined}
      aria-selected={chosen}
      tabIndex={tabIndex}
      style={{ "--level": node.level }}
      onFocus={onFocus}
      onClick={onChoose}
    >
      <span class="tree-toggle" aria-hidden="true" onClick={expanded === null ? undefined : toggle}>
        {expanded !== null && <Icon name="next" size={12} />}
      </span>
      <span class="tree-name verbatim line">
        {node.name ? visible(node.name) : <span class="quiet">(empty level)</span>}
      </span>
      {expanded !== null && node.topics > 1 && (
        <span class="tree-count num" title={plural(node.topics, "topic")}>
          <span class="hidden">, </span>
          {count(node.topics)}
          <span class="hidden"> topics</span>
        </span>
      )}
      <Retained row={row} />
      <span class="grow" />
      <span class="tree-number num" title={count(node.messages)}>
        <span class="hidden">, </span>
        {compact(node.messages)}
        <span class="hidden"> messages, </span>
      </span>
      <span class={`tree-number num ${node.rate > 0 ? "" : "quiet"}`}>
        {rate(node.rate)}
        <span class="hidden">, </span>
      </span>
      <span class="tree-number tree-bytes num">{bytes(node.bytes)}</span>
    </li>
  );
}

/** Of this very topic with its size; of those below how many. */
function Retained({ row: { node, expanded } }: { row: NodeRowProps["row"] }) {
  const own = node.topic?.retained_bytes;
  if (typeof own === "number") {
    return (
      <span class="tree-retained own" title={`A message of ${bytes(own)} is retained`}>
        <span class="hidden">, </span>retained {bytes(own)}
      </span>
    );
  }
  if (node.retained === 0 || expanded !== false) return null;
  return (
    <span
      class="tree-retained"
      title={`${plural(node.retained, "message")} below ${node.retained === 1 ? "is" : "are"} retained`}
    >
      <span class="hidden">, </span>
      {count(node.retained)} retained
    </span>
  );
}
