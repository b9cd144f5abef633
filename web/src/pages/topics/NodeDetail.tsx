// The topic that is chosen in the tree: its figures, and its retained message.
import { useState } from "preact/hooks";
import { post, withQuery } from "../../api/client";
import { usePoll } from "../../api/resource";
import { can } from "../../api/session";
import type { Message } from "../../api/types";
import { bytes, compact, count, plural, rate } from "../../lib/format";
import { visible } from "../../lib/payload";
import { CopyButton } from "../../parts/CodeLine";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Loaded } from "../../parts/Loaded";
import { MessageView } from "../../parts/MessageView";
import { notify } from "../../parts/Notices";
import { Section } from "../../parts/Page";
import type { TopicNode } from "./tree";

const REFRESH_MS = 2000;

export function NodeDetail({ node }: { node: TopicNode }) {
  const below = node.children.size > 0;
  const facts: [string, string][] = [
    ["Messages", count(node.messages)],
    ["Rate", rate(node.rate)],
    ["Bytes", bytes(node.bytes)],
    ...(below ? [["Topics", count(node.topics)] satisfies [string, string]] : []),
    ...(below || node.retained > 0 ? [["Retained", compact(node.retained)] satisfies [string, string]] : []),
  ];
  return (
    <Section title={below ? "Branch" : "Topic"} actions={<CopyButton text={node.path} what="the topic" />}>
      <div class="stack">
        <p class="node-path verbatim">{visible(node.path) || <span class="quiet">(empty level)</span>}</p>
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="num">{value}</dd>
            </div>
          ))}
        </dl>
        {typeof node.topic?.retained_bytes === "number" ? (
          <RetainedMessage topic={node.topic.topic} />
        ) : (
          node.retained > 0 && (
            <p class="quiet">
              {plural(node.retained, "message")} below {node.retained === 1 ? "is" : "are"} retained: choose a topic to
              see its own.
            </p>
          )
        )}
      </div>
    </Section>
  );
}

function RetainedMessage({ topic }: { topic: string }) {
  const [clearing, setClearing] = useState(false);
  const read = usePoll<{ messages: Message[] }>(withQuery("/broker/messages", { filter: topic }), REFRESH_MS);
  return (
    <div class="retained">
      <div class="section-head">
        <h3>Retained message</h3>
        {can.deploy.value && (
          <button type="button" class="button small" onClick={() => setClearing(true)}>
            Clear
          </button>
        )}
      </div>
      <Loaded resource={read} what="the retained message">
        {({ messages: [message] }) =>
          message ? <MessageView message={message} /> : <p class="quiet">It was cleared a moment ago.</p>
        }
      </Loaded>
      <ConfirmDialog
        open={clearing}
        title="Clear the retained message?"
        text={<ClearText topic={topic} />}
        action="Clear"
        onConfirm={() => clearRetained(topic)}
        onClose={() => setClearing(false)}
      />
    </div>
  );
}

export const ClearText = ({ topic }: { topic: string }) => (
  <p>
    The broker forgets the message that it keeps for <code class="verbatim">{visible(topic)}</code>. Whoever subscribes
    from now on gets none until the next one is published. It cannot be brought back.
  </p>
);

/** Says so to whoever is subscribed, too: an empty message is what clears. */
export async function clearRetained(topic: string): Promise<void> {
  await post("/broker/publish", { topic, payload: "", qos: 1, retain: true });
  notify("ok", "Cleared", `No message is retained for ${visible(topic)} any more.`);
}
