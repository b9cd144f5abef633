// The four states of what is read from the host.
import type { ComponentChildren } from "preact";
import { ApiError } from "../api/client";
import type { Resource } from "../api/resource";
import { clock } from "../lib/format";
import { Icon } from "./Icon";
import { Prose } from "./Prose";

/** By what the host's own log has more about it. */
export function RequestLine({ error: { code, request_id } }: { error: ApiError }) {
  if (!request_id) return null;
  return (
    <p class="quiet small">
      {code}, request <code>{request_id}</code>
    </p>
  );
}

export function ProblemNotice({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <Icon name="cross" />
      <div class="grow">
        <p>
          <Prose text={error.detail} />
        </p>
        <RequestLine error={error} />
      </div>
      {onRetry && (
        <button type="button" class="button small" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export interface LoadedProps<T> {
  resource: Resource<T>;
  /** Shown in the state `empty`. */
  empty?: ComponentChildren;
  /** What is being read, as in "Reading the functions". */
  what: string;
  children: (data: T) => ComponentChildren;
}

export function Loaded<T>({ resource, empty, what, children }: LoadedProps<T>) {
  const { state, data, error, readAt, reload } = resource;
  if (state === "failed" && error) return <ProblemNotice error={error} onRetry={reload} />;
  if (state === "loading" || data === null) return <Loading what={what} />;
  return (
    <>
      {error && readAt !== null && (
        <p class="stale" role="status">
          <Icon name="warning" size={14} /> <Prose text={error.offline ? "The host does not answer." : error.detail} />{" "}
          This is what it said at {clock(readAt).slice(0, 8)}.{" "}
          <button type="button" class="link" onClick={reload}>
            Try again
          </button>
        </p>
      )}
      {state === "empty" ? (empty ?? children(data)) : children(data)}
    </>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading quiet">
      <span class="spinner" aria-hidden="true" /> Reading {what} …
    </p>
  );
}
