// The host: what it is, how it was started, what it keeps to, and what it logs.
import { useResource } from "../api/resource";
import type { HostInfo } from "../api/types";
import { Loaded } from "../parts/Loaded";
import { Page } from "../parts/Page";
import { HostFacts } from "./settings/HostFacts";
import { LogFilter } from "./settings/LogFilter";
import { LimitsTable, SettingsTable } from "./settings/Tables";
import "./settings/settings.css";

export default function Settings() {
  const host = useResource<HostInfo>("/host");
  return (
    <Page title="Settings">
      <Loaded resource={host} what="what this host is">
        {(info) => <HostFacts host={info} />}
      </Loaded>
      <LogFilter />
      {host.data && (
        <>
          <SettingsTable settings={host.data.settings} />
          <LimitsTable limits={host.data.limits} />
        </>
      )}
    </Page>
  );
}
