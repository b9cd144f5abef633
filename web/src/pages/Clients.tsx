// Who is connected to the broker, and what waits for clients and functions.
import { useMemo, useState } from "preact/hooks";
import { usePoll } from "../api/resource";
import type { BrokerState, ClientSnapshot, InboxSnapshot } from "../api/types";
import { focusHeading } from "../lib/focus";
import { query, setQuery } from "../lib/location";
import { EmptyState } from "../parts/EmptyState";
import { Loaded } from "../parts/Loaded";
import { MqttOff, isMqttOff } from "../parts/MqttOff";
import { Page, Section } from "../parts/Page";
import { Tabs } from "../parts/Tabs";
import { FilterInput } from "../parts/Toolbar";
import { BrokerFigures } from "./clients/BrokerFigures";
import { ClientDialog } from "./clients/ClientDialog";
import { ClientsTable } from "./clients/ClientsTable";
import { ExternalSection } from "./clients/ExternalSection";
import { InboxesTable } from "./clients/InboxesTable";
import "../parts/message.css";
import "./clients/clients.css";

const REFRESH_MS = 3000;

export default function Clients() {
  const broker = usePoll<BrokerState>("/broker", REFRESH_MS);
  const list = usePoll<{ clients: ClientSnapshot[] }>(
    "/broker/clients",
    REFRESH_MS,
    ({ clients }) => clients.length === 0,
  );
  const inboxes = usePoll<{ inboxes: InboxSnapshot[] }>(
    "/broker/inboxes",
    REFRESH_MS,
    ({ inboxes: all }) => all.length === 0,
  );
  const [filter, setFilter] = useState("");
  const clients = list.data?.clients ?? [];
  const rows = useMemo(() => clients.filter((one) => matches(one, filter.toLowerCase())), [list.data, filter]);
  const chosen = query.value.get("client");

  if (isMqttOff(broker) || isMqttOff(list)) {
    return (
      <Page title="Clients">
        <MqttOff />
      </Page>
    );
  }
  return (
    <Page title="Clients">
      <Loaded resource={broker} what="the broker's figures">
        {(state) => (
          <>
            <BrokerFigures state={state} />
            {state.external && <ExternalSection external={state.external} />}
          </>
        )}
      </Loaded>
      <Tabs
        label="What waits"
        current={query.value.get("tab")}
        onChange={(id) => setQuery("tab", id)}
        tabs={[
          {
            id: "sessions",
            title: "Sessions",
            count: list.data?.clients.length,
            panel: () => (
              <Section
                title="Sessions of clients"
                actions={
                  list.state === "data" && <FilterInput label="Filter sessions" value={filter} onInput={setFilter} />
                }
              >
                <Loaded resource={list} what="the sessions" empty={<NoClients />}>
                  {() => (
                    <ClientsTable
                      clients={rows}
                      filter={filter}
                      onClear={() => setFilter("")}
                      onOpen={(id) => setQuery("client", id)}
                    />
                  )}
                </Loaded>
              </Section>
            ),
          },
          {
            id: "inboxes",
            title: "Inboxes",
            count: inboxes.data?.inboxes.length,
            panel: () => (
              <Section title="Inboxes of functions">
                <Loaded resource={inboxes} what="the inboxes" empty={<NoInboxes />}>
                  {(data) => <InboxesTable inboxes={data.inboxes} />}
                </Loaded>
              </Section>
            ),
          },
        ]}
      />
      <ClientDialog
        id={chosen}
        client={clients.find((one) => one.client_id === chosen) ?? null}
        loaded={list.data !== null}
        onClose={() => setQuery("client", null)}
        onEnded={() => {
          list.reload();
          focusHeading();
        }}
      />
    </Page>
  );
}

function matches(client: ClientSnapshot, wanted: string): boolean {
  if (!wanted) return true;
  const { client_id, identity, address, transport, version, subscriptions } = client;
  const state = address ? "on line" : "off line";
  const texts = [client_id, identity ?? "anonymous", address, transport, version, state, ...subscriptions];
  return texts.some((text) => text?.toLowerCase().includes(wanted));
}

const NoClients = () => (
  <EmptyState
    title="No client has a session"
    text="Devices that connect to the broker appear here. To let one in from another machine, give it a name and a password on the page Access."
    action={<a href="#/access">To the devices</a>}
  />
);

const NoInboxes = () => (
  <EmptyState
    title="No function has an inbox"
    text="A function with a topic filter of QoS 1 or 2 has one: what arrives for it waits there, on disk, until it was handled."
  />
);
