// What is published, where, and how much of it: a tree that counts, and a tail of what is chosen in it.
import { useMemo, useRef, useState } from "preact/hooks";
import { usePoll, useResource } from "../api/resource";
import { can } from "../api/session";
import type { HostInfo, TopicSnapshot } from "../api/types";
import { query, setQuery } from "../lib/location";
import { filterMatches, tailProblem } from "../lib/mqtt";
import { Loaded } from "../parts/Loaded";
import { MqttOff, isMqttOff } from "../parts/MqttOff";
import { Page, Section } from "../parts/Page";
import { FilterInput } from "../parts/Toolbar";
import { MessageTail } from "./topics/MessageTail";
import { NodeDetail } from "./topics/NodeDetail";
import { NoTopics } from "./topics/NoTopics";
import { PublishForm } from "./topics/PublishForm";
import { TopicTree } from "./topics/TopicTree";
import { Rates } from "./topics/rates";
import { type TopicNode, buildTree, filterOf, findNode, pathOf } from "./topics/tree";
import "./topics/topics.css";

const REFRESH_MS = 2000;

export default function Topics() {
  const list = usePoll<{ topics: TopicSnapshot[] }>("/broker/topics", REFRESH_MS);
  const host = useResource<HostInfo>("/host");
  const urls = host.data?.mqtt_urls ?? [];
  const [wanted, setWanted] = useState("");
  const [publishing, setPublishing] = useState(false);
  const detail = useRef<HTMLDivElement>(null);
  const [rates] = useState(() => new Rates());

  const topics = useMemo(() => (list.data ? rates.take(list.readAt ?? 0, list.data.topics) : []), [list.data]);
  const root = useMemo(() => buildTree(topics), [topics]);
  const found = useMemo(() => (wanted ? buildTree(topics.filter(matching(wanted))) : root), [root, wanted]);

  const filter = query.value.get("filter");
  const path = pathOf(filter);
  const chosen = path === null ? null : findNode(root, path);
  const choose = (node: TopicNode, byPointer: boolean) => {
    setQuery("filter", filterOf(node));
    // On a narrow screen what was chosen is shown below the tree, out of sight.
    if (byPointer && !matchMedia("(min-width: 64rem)").matches) detail.current?.scrollIntoView({ block: "start" });
  };

  if (isMqttOff(list)) {
    return (
      <Page title="Topics">
        <MqttOff />
      </Page>
    );
  }
  const actions = can.deploy.value && (
    <button
      type="button"
      class={publishing ? "button" : "button primary"}
      aria-expanded={publishing}
      onClick={() => setPublishing(!publishing)}
    >
      Publish a message
    </button>
  );
  return (
    <Page title="Topics" actions={actions}>
      {publishing && can.deploy.value && (
        <Section title="Publish">
          <PublishForm topic={chosen?.topic?.topic ?? ""} urls={urls} onClose={() => setPublishing(false)} />
        </Section>
      )}
      <div class="topics">
        <Section
          title="Tree"
          actions={root.topics > 0 && <FilterInput label="Filter topics" value={wanted} onInput={setWanted} />}
        >
          <Loaded resource={list} what="the topics">
            {() =>
              root.topics > 0 ? (
                <TopicTree root={found} filter={wanted} chosen={path} onChoose={choose} onClear={() => setWanted("")} />
              ) : (
                <NoTopics urls={urls} />
              )
            }
          </Loaded>
        </Section>
        <div class="topics-detail" ref={detail}>
          {chosen && <NodeDetail node={chosen} />}
          <Section title="Messages" plain>
            <MessageTail filter={filter} onFilter={(text) => setQuery("filter", text)} urls={urls} />
          </Section>
        </div>
      </div>
    </Page>
  );
}

/** A part of the name or, where it has wildcards, a topic filter. */
function matching(wanted: string): (topic: TopicSnapshot) => boolean {
  if (/[+#]/.test(wanted) && tailProblem(wanted) === null) return ({ topic }) => filterMatches(wanted, topic);
  const text = wanted.toLowerCase();
  return ({ topic }) => topic.toLowerCase().includes(text);
}
