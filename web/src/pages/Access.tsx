// Who may do what: devices by MQTT, people and programs by tokens, functions with secrets and databases.
import { useResource } from "../api/resource";
import type { HostInfo } from "../api/types";
import { query, setQuery } from "../lib/location";
import { Page } from "../parts/Page";
import { Tabs } from "../parts/Tabs";
import { Databases } from "./access/Databases";
import { Devices } from "./access/Devices";
import { Secrets } from "./access/Secrets";
import { Tokens } from "./access/Tokens";
import "./access/access.css";

export default function Access() {
  const host = useResource<HostInfo>("/host").data;
  return (
    <Page title="Access">
      <Tabs
        label="Access"
        current={query.value.get("tab")}
        onChange={(id) => setQuery("tab", id)}
        tabs={[
          { id: "devices", title: "Devices", panel: () => <Devices host={host} /> },
          { id: "tokens", title: "Tokens", panel: () => <Tokens /> },
          { id: "secrets", title: "Secrets", panel: () => <Secrets /> },
          { id: "databases", title: "SQL", panel: () => <Databases /> },
        ]}
      />
    </Page>
  );
}
