// Before anything was published. Counting begins when somebody looks, so that an empty answer at first means nothing.
import { useState } from "preact/hooks";
import { mosquittoPubLine } from "../../lib/examples";
import { now } from "../../lib/now";
import { EmptyState } from "../../parts/EmptyState";

const SURE_AFTER_MS = 8000;

export function NoTopics({ url }: { url: string | undefined }) {
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
      commands={[{ command: tryLine(url) }]}
    />
  );
}

export const tryLine = (url: string | undefined): string =>
  mosquittoPubLine({ topic: "sensors/boiler-1/temperature", payload: '{"celsius":21.5}', url });
