// The state of a live connection, in a word and a shape.
import type { FeedState } from "../api/feed";

const words: Record<FeedState, string> = {
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting",
  offline: "offline",
};
const meanings: Record<FeedState, string> = {
  connecting: "The live connection to the host is being opened",
  live: "Events arrive as they happen",
  reconnecting: "The live connection was lost a moment ago and is being opened again",
  offline: "The host does not answer; it is tried again by itself",
};

export function FeedLight({ state }: { state: FeedState }) {
  return (
    <span class={`light ${state}`} title={meanings[state]}>
      <span class="light-dot" aria-hidden="true" />
      {words[state]}
    </span>
  );
}
