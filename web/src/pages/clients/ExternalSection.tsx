// The broker that stands in for the host's own, and how it is with it.
import type { ExternalBroker } from "../../api/types";
import { count } from "../../lib/format";
import { RelativeTime } from "../../parts/RelativeTime";
import { Section } from "../../parts/Page";
import { StatusBadge, type Tone } from "../../parts/StatusBadge";
import { type Column, Table } from "../../parts/Table";

type ExternalSubscription = ExternalBroker["subscriptions"][number];

const states: Record<ExternalSubscription["state"], [string, Tone]> = {
  wanted: ["waits for the connection", "neutral"],
  asked: ["asked for", "info"],
  granted: ["granted", "ok"],
  refused: ["refused", "bad"],
};

const columns: readonly Column<ExternalSubscription>[] = [
  {
    id: "filter",
    title: "Subscription there",
    header: true,
    sort: (row) => row.filter,
    cell: (row) => <code class="verbatim">{row.filter}</code>,
  },
  {
    id: "state",
    title: "State",
    phone: "whole",
    sort: (row) => row.state,
    cell: (row) => {
      const { state } = row;
      const [word, tone] = states[state] ?? [state, "neutral"];
      return (
        <span class="row">
          <StatusBadge tone={tone}>{word}</StatusBadge>
          {row.state === "refused" && <span class="wrap">{row.reason}</span>}
        </span>
      );
    },
  },
];

export function ExternalSection({ external }: { external: ExternalBroker }) {
  const { is_connected, since_ms, last_error } = external;
  return (
    <Section title="External broker">
      <div class="external">
        <dl class="facts">
          <div>
            <dt>State</dt>
            <dd>
              <StatusBadge tone={is_connected ? "ok" : "bad"}>{is_connected ? "connected" : "lost"}</StatusBadge>{" "}
              <RelativeTime at={since_ms} />
            </dd>
          </div>
          <div>
            <dt>Address</dt>
            <dd>
              <code>{external.address}</code>
            </dd>
          </div>
          <div>
            <dt>Client id there</dt>
            <dd class="verbatim">{external.client_id}</dd>
          </div>
          <div>
            <dt>Being handled</dt>
            <dd class="num">{count(external.unacknowledged)}</dd>
          </div>
          <div>
            <dt>Waiting to be published</dt>
            <dd class="num">{count(external.publishing)}</dd>
          </div>
          <div>
            <dt>Unsuitable</dt>
            <dd class="num" title="Their topic or their size is beyond what is taken here">
              {count(external.unsuitable)}
            </dd>
          </div>
          {last_error && (
            <div class="whole">
              <dt>{is_connected ? "Why it was lost the last time" : "Why it is lost; it is tried again by itself"}</dt>
              <dd class={is_connected ? "verbatim" : "verbatim bad-text"}>{last_error}</dd>
            </div>
          )}
        </dl>
        <Table
          caption="Subscriptions at the external broker"
          columns={columns}
          rows={external.subscriptions}
          rowKey={(row) => row.filter}
          empty={<p class="quiet">Nothing is subscribed to there: no function has a topic filter.</p>}
        />
      </div>
    </Section>
  );
}
