// The last invocations, newest first; new ones come in unless somebody is reading further down.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { isGap } from "../../api/buffer";
import { path, withQuery } from "../../api/client";
import { type LiveItem, live } from "../../api/live";
import { useResource } from "../../api/resource";
import type { FunctionDetail, Invocation } from "../../api/types";
import { count } from "../../lib/format";
import { useShortcut } from "../../lib/keys";
import { query, setQuery } from "../../lib/location";
import { EmptyState } from "../../parts/EmptyState";
import { FeedLight } from "../../parts/FeedLight";
import { Icon } from "../../parts/Icon";
import { Loaded } from "../../parts/Loaded";
import { FilterInput, Toolbar } from "../../parts/Toolbar";
import { InvocationTable } from "./InvocationTable";
import { SplitLegend } from "./Split";
import { useExamples } from "./examples";
import { matches, merged } from "./recent";

const LISTED = 200;
/** After events were skipped, the list is read again; not more often than this. */
const CATCH_UP_MS = 3000;

interface List {
  invocations: Invocation[];
}

export function InvocationsTab({ detail }: { detail: FunctionDetail }) {
  const { name } = detail;
  const [filter, setFilter] = useState("");
  const failedOnly = query.value.get("failed") === "true";
  const list = useResource<List>(
    withQuery(path`/functions/${name}/invocations`, { failed: failedOnly || null, limit: LISTED }),
  );
  useCatchUp(list.reload);
  const feed = useHeld(live.items.value);
  const kept = list.data?.invocations ?? [];
  const shown = merged(feed.items, kept, name, failedOnly);
  const waiting = feed.isHeld ? merged(live.items.value, kept, name, failedOnly).length - shown.length : 0;
  const rows = shown.filter((one) => matches(one, filter.toLowerCase()));
  return (
    <div class="invocations">
      <Toolbar>
        <FilterInput label="Filter invocations" value={filter} onInput={setFilter} />
        <label class="check">
          <input
            type="checkbox"
            checked={failedOnly}
            onChange={(event) => setQuery("failed", event.currentTarget.checked ? "true" : null)}
          />
          Failed only
        </label>
        <SplitLegend />
        <span class="grow" />
        {feed.isHeld ? (
          <span class="tail-state paused num">
            {feed.isPaused ? "paused" : "held"} (+{count(Math.max(0, waiting))})
          </span>
        ) : (
          <FeedLight state={live.state.value} />
        )}
        <button type="button" class="button small" onClick={feed.toggle} aria-keyshortcuts="p">
          <Icon name={feed.isPaused ? "play" : "pause"} size={14} />
          {feed.isPaused ? "Continue" : "Pause"}
        </button>
      </Toolbar>
      <div class="card" ref={feed.box} {...feed.handlers}>
        <Loaded resource={list} what="its invocations">
          {() => (
            <InvocationTable
              name={name}
              rows={rows}
              filter={shown.length > 0 ? filter : ""}
              onClear={() => setFilter("")}
              empty={<Nothing detail={detail} failedOnly={failedOnly} />}
            />
          )}
        </Loaded>
      </div>
    </div>
  );
}

function Nothing({ detail, failedOnly }: { detail: FunctionDetail; failedOnly: boolean }) {
  const commands = useExamples(detail);
  if (failedOnly) {
    return (
      <EmptyState
        title="No failed invocation is kept"
        action={
          <button type="button" class="button" onClick={() => setQuery("failed", null)}>
            Show all invocations
          </button>
        }
      />
    );
  }
  return (
    <EmptyState
      title="No invocation yet"
      text="Each one is listed here as it ends; the host keeps the last ones, and failures for longer."
      commands={commands}
    />
  );
}

function useCatchUp(reload: () => void): void {
  const gap = live.items.value.findLast(isGap)?.seq ?? 0;
  const seen = useRef(gap);
  const timer = useRef(0);
  useEffect(() => {
    if (gap === seen.current || timer.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      seen.current = gap;
      reload();
    }, CATCH_UP_MS);
  }, [gap]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** Rows must not move away under a pointer, under the focus, or under somebody who has scrolled to one. */
function useHeld(items: readonly LiveItem[]) {
  const [isPaused, setPaused] = useState(false);
  const [reasons, setReasons] = useState({ pointer: false, focus: false, scroll: false });
  const box = useRef<HTMLDivElement>(null);
  const before = useRef(items);
  const isHeld = isPaused || reasons.pointer || reasons.focus || reasons.scroll;
  if (!isHeld) before.current = items;

  const toggle = useCallback(() => setPaused((paused) => !paused), []);
  useShortcut("p", isPaused ? "Continue the list" : "Pause the list", toggle);
  const note = (change: Partial<typeof reasons>) => setReasons((all) => ({ ...all, ...change }));
  useEffect(() => {
    const onScroll = () => {
      const scroll = (box.current?.getBoundingClientRect().top ?? 0) < 0;
      setReasons((all) => (all.scroll === scroll ? all : { ...all, scroll }));
    };
    addEventListener("scroll", onScroll, { passive: true });
    return () => removeEventListener("scroll", onScroll);
  }, []);
  const handlers = {
    onPointerEnter: (event: PointerEvent) => event.pointerType === "mouse" && note({ pointer: true }),
    onPointerLeave: () => note({ pointer: false }),
    onFocusCapture: (event: FocusEvent) =>
      note({ focus: event.target instanceof Element && event.target.closest("tbody") !== null }),
    onBlurCapture: () => note({ focus: false }),
  };
  return { items: before.current, isHeld, isPaused, toggle, box, handlers };
}
