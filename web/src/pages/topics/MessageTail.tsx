// The messages of a topic filter, as they are published.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Gap, Item } from "../../api/buffer";
import { withQuery } from "../../api/client";
import { Feed } from "../../api/feed";
import type { Message } from "../../api/types";
import { count } from "../../lib/format";
import { tailProblem } from "../../lib/mqtt";
import { EmptyState } from "../../parts/EmptyState";
import { Icon } from "../../parts/Icon";
import { LiveTail } from "../../parts/LiveTail";
import { MessageRow } from "./MessageRow";
import { tryLines } from "./lines";

export interface MessageTailProps {
  filter: string | null;
  /** Null: nothing is followed any more. */
  onFilter: (filter: string | null) => void;
  urls: readonly string[];
}

export function MessageTail({ filter, onFilter, urls }: MessageTailProps) {
  const problem = filter === null ? null : tailProblem(filter);
  return (
    <div class="stack">
      <FilterForm filter={filter} onFilter={onFilter} />
      {filter !== null && problem === null ? (
        <Tail key={filter} filter={filter} urls={urls} />
      ) : (
        <div class="card">
          <EmptyState
            title="Nothing is followed"
            text="Choose a topic in the tree, or give a topic filter above. + stands for one level, # for all that is left."
            action={
              <button type="button" class="button" onClick={() => onFilter("#")}>
                Follow all topics
              </button>
            }
          />
        </div>
      )}
    </div>
  );
}

/** Checked while it is typed, followed when it is sent off. */
function FilterForm({ filter, onFilter }: Pick<MessageTailProps, "filter" | "onFilter">) {
  const [typed, setTyped] = useState(filter ?? "");
  useEffect(() => setTyped(filter ?? ""), [filter]);
  const problem = typed ? tailProblem(typed) : null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (problem === null) onFilter(typed || null);
  };
  return (
    <form class="follow" onSubmit={submit}>
      <label for="follow-filter">Topic filter</label>
      <input
        id="follow-filter"
        value={typed}
        placeholder="sensors/+/temperature"
        autocomplete="off"
        spellcheck={false}
        aria-describedby={problem ? "follow-problem" : undefined}
        aria-invalid={problem ? true : undefined}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={problem !== null || typed === (filter ?? "")}>
        Follow
      </button>
      {problem && (
        <p class="field-error" id="follow-problem">
          <Icon name="cross" size={12} /> {problem}
        </p>
      )}
    </form>
  );
}

type Arrived = Item<Message>;

function Tail({ filter, urls }: { filter: string; urls: readonly string[] }) {
  const feed = useMemo(
    () => new Feed({ path: withQuery("/broker/messages", { filter, follow: true }), kept: ["message"] }),
    [filter],
  );
  useEffect(() => {
    feed.open();
    return () => feed.close();
  }, [feed]);
  const arrivedAt = useArrivals(feed.items.value);
  return (
    <LiveTail<Arrived>
      label="Messages"
      items={feed.items.value as readonly (Arrived | Gap)[]}
      state={feed.state.value}
      text={({ data }) => `${data.topic} ${data.payload ?? ""}`}
      rowClass={() => "message-row"}
      row={(item, hold) => <MessageRow message={item.data} at={arrivedAt(item)} onOpen={hold} />}
      controls={
        <span class="quiet small num">
          {count(feed.received.value)} received{feed.missed.value > 0 && `, ${count(feed.missed.value)} missed`}
        </span>
      }
      empty={
        <EmptyState
          title="Waiting for messages"
          text={`What is published to ${filter === "#" ? "any topic" : filter} from now on appears here.`}
          commands={filter === "#" ? tryLines(urls, "Try:") : []}
        />
      }
    />
  );
}

/** A message does not say when it was published: the time is that of its arrival here, to a quarter of a second. */
function useArrivals(items: readonly (Item | Gap)[]): (item: Item) => number {
  const [times] = useState(() => new WeakMap<object, number>());
  return useMemo(() => {
    const now = Date.now();
    for (const item of items) if (!times.has(item)) times.set(item, now);
    return (item) => times.get(item) ?? now;
  }, [items]);
}
