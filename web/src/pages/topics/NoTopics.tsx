// Before anything was published. Counting begins when somebody looks, so that an empty answer at first means nothing.
import { useState } from "preact/hooks";
import { now } from "../../lib/now";
import { EmptyState } from "../../parts/EmptyState";
import { tryLines } from "./lines";

const SURE_AFTER_MS = 8000;

export function NoTopics({ urls }: { urls: readonly string[] }) {
  const [since] = useState(Date.now);
  if (now.value - since < SURE_AFTER_MS) {
    return (
      <EmptyState
        title="Counting from now"
        text="The broker counts topics while somebody looks. They appear here as messages arrive."
      />
    );
  }
  return (
    <EmptyState
      title="No message yet"
      text="No message has arrived since this page was opened, and none is retained. Send one:"
      commands={tryLines(urls)}
    />
  );
}
