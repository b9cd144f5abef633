// What would be different, in words first and as it is written second.
import { plain } from "../../lib/words";
import { Icon, type IconName } from "../../parts/Icon";
import { InWords } from "../../parts/InWords";
import type { Change, ChangeGroup } from "./diff";
import "./diff.css";

const kinds: Record<Change["kind"], { word: string; icon: IconName }> = {
  added: { word: "Added", icon: "plus" },
  removed: { word: "Removed", icon: "minus" },
  changed: { word: "Changed", icon: "refresh" },
};

export function RevisionDiff({ groups }: { groups: readonly ChangeGroup[] }) {
  if (groups.length === 0) {
    return <p class="quiet">Nothing: the component, its triggers, grants, limits and configuration are the same.</p>;
  }
  return (
    <dl class="diff">
      {groups.map(({ title, changes }) => (
        <div key={title}>
          <dt>{title}</dt>
          {changes.map((change) => (
            <dd key={`${change.kind} ${plain(change.words)}`} class={change.kind}>
              <ChangeRow change={change} />
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

function ChangeRow({ change: { kind, words, before, after } }: { change: Change }) {
  const { word, icon } = kinds[kind];
  return (
    <>
      <p>
        <span class="diff-kind">
          <Icon name={icon} size={12} /> {word}
        </span>
        <span class="wrap">
          <InWords words={words} sentence />
        </span>
      </p>
      {(before !== undefined || after !== undefined) && (
        <p class="diff-code">
          {before !== undefined && (
            <del>
              <span class="hidden">before: </span>
              <code>{before}</code>
            </del>
          )}
          {after !== undefined && (
            <ins>
              <span class="hidden">after: </span>
              <code>{after}</code>
            </ins>
          )}
        </p>
      )}
    </>
  );
}
