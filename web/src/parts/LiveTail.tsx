// What happens, as it happens. Looking back, pausing or filtering never loses sight of how much goes on.
import type { ComponentChildren } from "preact";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Gap, type Item, isGap } from "../api/buffer";
import type { FeedState } from "../api/feed";
import { count, plural } from "../lib/format";
import { useShortcut } from "../lib/keys";
import { FeedLight } from "./FeedLight";
import { Icon } from "./Icon";
import { NoMatch } from "./Table";
import { FilterInput, Toolbar } from "./Toolbar";

/** More would be slow to draw and is more than one reads. The filter looks through all that is kept. */
const ROWS_MAX = 200;
/** Pixels from the newest row that still count as being there. */
const NEAR = 40;

export interface LiveTailProps<T extends Item> {
  /** Names the list: "Events". */
  label: string;
  /** Oldest first, as a feed holds them. */
  items: readonly (T | Gap)[];
  state: FeedState;
  /** The cells of a row; `hold` pauses the feed, so that a row that is opened does not move away. */
  row: (item: T, hold: () => void) => ComponentChildren;
  /** What the filter looks through. */
  text: (item: T) => string;
  rowClass?: (item: T) => string;
  /** Leaves items out before the filter does. Must not change at every drawing. */
  only?: (item: T) => boolean;
  /** Further controls beside the filter. */
  controls?: ComponentChildren;
  empty: ComponentChildren;
  /** `oldest-first` is for lines that are read on: the newest is the last, and in sight unless somebody scrolled up. */
  order?: "newest-first" | "oldest-first";
  /** One item, in a word: "event". */
  unit?: string;
  rowsMax?: number;
}

interface Frozen<T> {
  items: readonly (T | Gap)[];
  /** By scrolling away from the newest, so that scrolling back ends it. */
  byScroll: boolean;
}

export function LiveTail<T extends Item>(props: LiveTailProps<T>) {
  const { label, items, state, row, text, rowClass, only, controls, empty } = props;
  const { unit = "event", rowsMax = ROWS_MAX } = props;
  const newestLast = props.order === "oldest-first";
  const [filter, setFilter] = useState("");
  const [frozen, setFrozen] = useState<Frozen<T> | null>(null);
  const box = useRef<HTMLDivElement>(null);

  const toggle = useCallback(() => setFrozen((before) => (before ? null : { items, byScroll: false })), [items]);
  useShortcut("p", frozen ? "Continue the live feed" : "Pause the live feed", toggle);

  const wanted = filter.toLowerCase();
  const matches = (item: T | Gap) =>
    isGap(item) || ((only?.(item) ?? true) && (!wanted || text(item).toLowerCase().includes(wanted)));
  const found = (frozen?.items ?? items).filter(matches);
  const newest = found.slice(-rowsMax);
  const shown = newestLast ? newest : newest.toReversed();
  const older = found.slice(0, -rowsMax);
  const waiting = frozen ? countAfter(frozen.items, items, matches) : "";

  const toNewest = () => box.current?.scrollTo({ top: newestLast ? box.current.scrollHeight : 0 });
  useLayoutEffect(() => {
    if (newestLast && !frozen) toNewest();
  }, [items, frozen, filter, only, newestLast]);

  const hold = () => setFrozen((before) => before ?? { items, byScroll: false });
  const jump = () => {
    setFrozen(null);
    toNewest();
  };
  // Rows that move away under somebody who reads further on are of no use.
  const onScroll = ({ currentTarget: { scrollTop, scrollHeight, clientHeight } }: { currentTarget: Element }) => {
    const isAway = (newestLast ? scrollHeight - scrollTop - clientHeight : scrollTop) > NEAR;
    if (!frozen && isAway) setFrozen({ items, byScroll: true });
    else if (newestLast && frozen?.byScroll && !isAway) setFrozen(null);
  };

  const olderRow = older.length > 0 && <li class="tail-row tail-gap">{olderText(older, rowsMax)}</li>;
  return (
    <div class="tail">
      <Toolbar>
        <FilterInput label={`Filter ${label.toLowerCase()}`} value={filter} onInput={setFilter} />
        {controls}
        <span class="grow" />
        {frozen ? <span class="tail-state paused num">paused ({waiting})</span> : <FeedLight state={state} />}
        <button type="button" class="button small" onClick={toggle} aria-keyshortcuts="p">
          <Icon name={frozen ? "play" : "pause"} size={14} />
          {frozen ? "Continue" : "Pause"}
        </button>
      </Toolbar>
      <div class="tail-box" ref={box} onScroll={onScroll} tabIndex={0} role="group" aria-label={label}>
        {shown.length === 0 ? (
          filter ? (
            <NoMatch filter={filter} onClear={() => setFilter("")} />
          ) : (
            empty
          )
        ) : (
          <ol class="tail-rows">
            {newestLast && olderRow}
            {shown.map((item) =>
              isGap(item) ? (
                <GapRow key={item.seq} gap={item} unit={unit} />
              ) : (
                <li key={item.seq} class={`tail-row ${rowClass?.(item) ?? ""}`}>
                  {row(item, hold)}
                </li>
              ),
            )}
            {!newestLast && olderRow}
          </ol>
        )}
      </div>
      {frozen && waiting !== "+0" && (
        <button type="button" class="button primary small tail-jump" onClick={jump}>
          <Icon name={newestLast ? "down" : "up"} size={14} /> Jump to the newest ({waiting})
        </button>
      )}
    </div>
  );
}

function olderText(older: readonly (Item | Gap)[], rowsMax: number): string {
  const skipped = older.reduce((sum, item) => sum + (isGap(item) ? item.data.events : 0), 0);
  const kept = `The newest ${count(rowsMax)} are shown. The filter also looks through ${count(older.length)} older ones`;
  return skipped > 0 ? `${kept}; ${count(skipped)} more were skipped.` : `${kept}.`;
}

function GapRow({ gap, unit }: { gap: Gap; unit: string }) {
  const { events, by } = gap.data;
  const text =
    by === "tab"
      ? `skipped ${count(events)}: more than can be read`
      : `missed ${plural(events, unit)}: this page was away or too slow`;
  return <li class="tail-row tail-gap">{text}</li>;
}

function countAfter<T extends Item>(
  frozen: readonly (T | Gap)[],
  items: readonly (T | Gap)[],
  matches: (item: T | Gap) => boolean,
): string {
  const last = frozen.at(-1)?.seq ?? 0;
  const newer = items.filter((item) => item.seq > last && matches(item));
  const known = newer.reduce((sum, item) => sum + (isGap(item) ? item.data.events : 1), 0);
  // Where everything kept is newer, more came than can be counted.
  const all = frozen.length > 0 && (items[0]?.seq ?? 0) > last;
  return `+${count(known)}${all ? " or more" : ""}`;
}
