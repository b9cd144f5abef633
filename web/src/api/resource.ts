// What a page reads from the API, and in which of four states it is. Data that could not be refreshed stays, and says so.
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get } from "./client";
import { live } from "./live";

export type ResourceState = "loading" | "empty" | "data" | "failed";

export interface Resource<T> {
  /** `failed`: there is nothing to show. With older data at hand the state stays `data` and `error` is set. */
  state: ResourceState;
  data: T | null;
  error: ApiError | null;
  /** The host does not know the path (404): leave that part of the page out. */
  absent: boolean;
  /** When `data` was read: milliseconds since 1970. */
  readAt: number | null;
  reload: () => void;
}

export interface ResourceOptions<T> {
  /** Reads again so often, while the tab is visible. */
  everyMs?: number;
  isEmpty?: (data: T) => boolean;
}

interface Held<T> {
  path: string | null;
  data: T | null;
  error: ApiError | null;
  readAt: number | null;
}

const nothing = { data: null, error: null, readAt: null };

/** Reads `path` (null: nothing yet), and again after the live connection was lost. */
export function useResource<T>(path: string | null, options: ResourceOptions<T> = {}): Resource<T> {
  const [held, setHeld] = useState<Held<T>>({ path, ...nothing });
  const reload = useRef<() => void>(() => undefined);
  const { everyMs, isEmpty } = options;

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer = 0;
    let reading = false;
    let again = false;
    const keep = (change: Partial<Held<T>>) => {
      if (abort.signal.aborted) return;
      setHeld((before) => ({ ...(before.path === path ? before : nothing), ...change, path }) as Held<T>);
    };
    const read = async () => {
      // What is under way may be answered with how it was before whatever asks now.
      again = reading;
      if (reading) return;
      reading = true;
      clearTimeout(timer);
      try {
        keep({ data: await get<T>(path, abort.signal), error: null, readAt: Date.now() });
      } catch (cause) {
        if (cause instanceof ApiError) keep({ error: cause });
        else if (!abort.signal.aborted) throw cause;
      } finally {
        reading = false;
        if (!abort.signal.aborted) {
          if (again) void read();
          else if (everyMs) timer = window.setTimeout(tick, everyMs);
        }
      }
    };
    const tick = () => void (document.hidden ? undefined : read());
    const onVisible = () => everyMs && tick();
    reload.current = () => void read();
    document.addEventListener("visibilitychange", onVisible);
    let first = true;
    const stop = effect(() => {
      void live.reopened.value;
      if (!first) void read();
      first = false;
    });
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
      stop();
    };
  }, [path, everyMs]);

  const current = held.path === path ? held : nothing;
  const state: ResourceState =
    current.data !== null ? (isEmpty?.(current.data) ? "empty" : "data") : current.error ? "failed" : "loading";
  const absent = current.error?.status === 404;
  return { ...current, state, absent, reload: () => reload.current() };
}

/** A resource that is read again every `everyMs`. */
export const usePoll = <T>(path: string | null, everyMs: number, isEmpty?: (data: T) => boolean): Resource<T> =>
  useResource<T>(path, isEmpty ? { everyMs, isEmpty } : { everyMs });
