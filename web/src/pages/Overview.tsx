// Is it healthy, and what just happened?
import { useEffect, useState } from "preact/hooks";
import { usePoll } from "../api/resource";
import { deployments } from "../api/live";
import { can } from "../api/session";
import type { FunctionList } from "../api/types";
import { EmptyState } from "../parts/EmptyState";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { FilterInput } from "../parts/Toolbar";
import { FunctionsTable } from "./overview/FunctionsTable";
import { HealthLine } from "./overview/HealthLine";
import { LiveFeed } from "./overview/LiveFeed";
import { VitalsRow } from "./overview/VitalsRow";
import "./overview/overview.css";

const REFRESH_MS = 5000;
const isEmpty = ({ functions }: FunctionList): boolean => functions.length === 0;

export default function Overview() {
  const [filter, setFilter] = useState("");
  const list = usePoll<FunctionList>("/functions", REFRESH_MS, isEmpty);
  useEffect(() => {
    if (deployments.value > 0) list.reload();
  }, [deployments.value]);
  const actions = can.deploy.value && (
    <a class="button primary" href="#/deploy">
      Deploy a function
    </a>
  );
  return (
    <Page title="Overview" actions={actions}>
      <HealthLine functions={list.data?.functions ?? null} />
      <VitalsRow />
      <Section
        title="Functions"
        actions={list.state === "data" && <FilterInput label="Filter functions" value={filter} onInput={setFilter} />}
      >
        <Loaded resource={list} what="the functions" empty={<NoFunctions />}>
          {({ functions }) => <FunctionsTable functions={functions} filter={filter} onClear={() => setFilter("")} />}
        </Loaded>
      </Section>
      <Section title="Just happened" plain>
        <LiveFeed />
      </Section>
    </Page>
  );
}

function NoFunctions() {
  const deploys = can.deploy.value;
  return (
    <EmptyState
      title="No functions yet"
      text={
        deploys
          ? "A function is a WebAssembly component. Once deployed, it runs whenever an HTTP request, an MQTT message or a schedule triggers it."
          : "Your role may look but not deploy. Ask for a token with the role deployer."
      }
      action={
        deploys && (
          <a class="button primary" href="#/deploy">
            Deploy in the browser
          </a>
        )
      }
      commands={
        deploys
          ? [
              { label: "Or on the command line:", command: "tidegate deploy hello.wasm" },
              {
                label: "Or with nothing but curl:",
                command: `curl -X PUT --data-binary @hello.wasm -H "Authorization: Bearer $TOKEN" ${location.origin}/api/v1/functions/hello`,
              },
            ]
          : []
      }
    />
  );
}
