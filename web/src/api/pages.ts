// A list that the host answers page by page. Read again, it is as long as it was before.
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "./client";
import { live } from "./live";
import type { Resource } from "./resource";

interface Page {
  cursor?: string | null;
}

interface Held<Row> {
  path: string | null;
  rows: readonly Row[] | null;
  cursor: string | null;
  pages: number;
  error: ApiError | null;
  readAt: number | null;
}

export interface Pages<Row> extends Resource<readonly Row[]> {
  /** Whether the host has further rows. */
  more: boolean;
  readMore: () => Promise<void>;
}

const nothing = { rows: null, cursor: null, pages: 1, error: null, readAt: null };

/** `rowsOf` must not change at every drawing. Reads again every `everyMs`, while the tab is visible. */
export function usePages<Answer extends Page, Row>(
  path: string,
  rowsOf: (answer: Answer) => readonly Row[],
  everyMs?: number,
): Pages<Row> {
  const [held, setHeld] = useState<Held<Row>>({ path: null, ...nothing });
  const current: Held<Row> = held.path === path ? held : { path, ...nothing };
  const newest = useRef(current);
  newest.current = current;
  const readers = useRef({ reload: () => Promise.resolve(), readMore: () => Promise.resolve() });

  useEffect(() => {
    const abort = new AbortController();
    let turn = 0;
    let done = 0;
    const read = async (from: Held<Row>, pages: number) => {
      const mine = ++turn;
      let made = from;
      let error: ApiError | null = null;
      try {
        for (let page = 0; page < pages && (page === 0 || made.cursor !== null); page += 1) {
          const answer = await get<Answer>(next(path, made.cursor), abort.signal);
          const rows = [...(made.rows ?? []), ...rowsOf(answer)];
          made = { ...made, rows, cursor: answer.cursor ?? null, pages: made.pages + 1 };
        }
      } catch (cause) {
        if (abort.signal.aborted) return;
        if (!(cause instanceof ApiError)) throw cause;
        error = cause;
      }
      // Whoever asked later knows better.
      if (mine !== turn || abort.signal.aborted) return;
      done = mine;
      setHeld(error ? { ...newest.current, path, error } : { ...made, error: null, readAt: Date.now() });
    };
    const empty = { path, ...nothing, pages: 0 };
    readers.current = {
      reload: () => read(empty, Math.max(1, newest.current.pages)),
      readMore: () => read(newest.current, 1),
    };
    let first = true;
    const stop = effect(() => {
      void live.reopened.value;
      if (!first) void readers.current.reload();
      first = false;
    });
    void read(empty, 1);
    // Not in the middle of another reading, whose answer would go unseen.
    const tick = () => void (document.hidden || done !== turn || readers.current.reload());
    const timer = everyMs ? setInterval(tick, everyMs) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
      stop();
    };
  }, [path, rowsOf, everyMs]);

  const { rows, error, cursor, readAt } = current;
  return {
    state: rows !== null ? (rows.length === 0 ? "empty" : "data") : error ? "failed" : "loading",
    data: rows,
    error,
    absent: error?.status === 404,
    readAt,
    reload: () => void readers.current.reload(),
    more: cursor !== null,
    readMore: () => readers.current.readMore(),
  };
}

const next = (path: string, cursor: string | null): string =>
  cursor === null ? path : `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
