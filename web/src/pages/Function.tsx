// One function: how it does, what it did and said, its revisions, and a place to try it.
import { useEffect, useRef } from "preact/hooks";
import { path } from "../api/client";
import { deployments, live } from "../api/live";
import { usePoll } from "../api/resource";
import { can } from "../api/session";
import type { DeployEvent, FunctionDetail } from "../api/types";
import { query, setQuery, to } from "../lib/location";
import { EmptyState } from "../parts/EmptyState";
import { Loaded } from "../parts/Loaded";
import { notify } from "../parts/Notices";
import { Page } from "../parts/Page";
import { Tabs } from "../parts/Tabs";
import type { PageProps } from "../routes";
import { Actions } from "./function/Actions";
import { FunctionHead } from "./function/FunctionHead";
import { InvocationsTab } from "./function/InvocationsTab";
import { LogsTab } from "./function/LogsTab";
import { OverviewTab } from "./function/OverviewTab";
import { RevisionsTab } from "./function/RevisionsTab";
import { TryTab } from "./function/TryTab";
import "./function/function.css";

const REFRESH_MS = 5000;
const crumbs = [{ href: "#/", text: "Overview" }];

export default function FunctionPage({ params }: PageProps) {
  const name = params["name"] ?? "";
  const detail = usePoll<FunctionDetail>(path`/functions/${name}`, REFRESH_MS);
  const last = lastDeployment(name);
  const told = useRef<number | null>(null);
  useEffect(() => {
    if (deployments.value > 0) detail.reload();
  }, [deployments.value]);
  useEffect(() => {
    // What happened before the page was opened is no news on it.
    if (last && told.current !== null && last.seq > told.current) tell(last.data);
    told.current = last?.seq ?? 0;
  }, [last?.seq]);
  if (detail.absent) return <NotThere name={name} last={last?.data ?? null} wasThere={detail.data !== null} />;
  const shown = detail.data;
  return (
    <Page title={name} crumbs={crumbs} actions={shown && <Actions detail={shown} />}>
      <Loaded resource={detail} what={`the function ${name}`}>
        {(data) => (
          <>
            <FunctionHead detail={data} />
            <Tabs
              label={`About ${name}`}
              current={query.value.get("tab")}
              onChange={(tab) => setQuery("tab", tab)}
              tabs={[
                { id: "overview", title: "Overview", panel: () => <OverviewTab detail={data} /> },
                { id: "invocations", title: "Invocations", panel: () => <InvocationsTab detail={data} /> },
                { id: "logs", title: "Logs", panel: () => <LogsTab name={name} /> },
                {
                  id: "revisions",
                  title: "Revisions",
                  panel: () => <RevisionsTab detail={data} onChanged={detail.reload} />,
                },
                { id: "try", title: "Try it", panel: () => <TryTab detail={data} /> },
              ]}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function lastDeployment(name: string): { seq: number; data: DeployEvent } | null {
  const found = live.items.value.findLast((item) => item.type === "deploy" && item.data.function === name);
  return found?.type === "deploy" ? found : null;
}

function tell({ action, function: name, revision, actor }: DeployEvent): void {
  if (action === "deleted") return;
  const word = action === "rolled_back" ? "rolled back" : "deployed";
  notify("info", `Revision ${revision ?? "?"} of ${name} is active now`, `${word} by ${actor}`);
}

function NotThere({ name, last, wasThere }: { name: string; last: DeployEvent | null; wasThere: boolean }) {
  const by = last?.action === "deleted" ? ` by ${last.actor}` : "";
  return (
    <Page title={name} crumbs={crumbs}>
      <EmptyState
        title={wasThere ? `${name} was deleted${by} while you were looking at it.` : `There is no function “${name}”.`}
        text={
          wasThere
            ? "Its revisions are gone with it. Requests to its routes get 404 now."
            : "It may have been deleted, or its name is spelt another way. The overview has all that there are."
        }
        action={
          <span class="actions">
            <a class="button" href="#/">
              To the overview
            </a>
            {can.deploy.value && (
              <a class="button primary" href={`${to`/deploy`}?name=${encodeURIComponent(name)}`}>
                Deploy it
              </a>
            )}
          </span>
        }
      />
    </Page>
  );
}
