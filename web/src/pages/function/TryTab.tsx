// A trial: one event made up here, run by the host as any other, with all that came of it.
import { useState } from "preact/hooks";
import { can } from "../../api/session";
import type { FunctionDetail } from "../../api/types";
import { query } from "../../lib/location";
import { EmptyState } from "../../parts/EmptyState";
import { ProblemNotice } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { TrialResult } from "./TrialResult";
import { TryHttp } from "./TryHttp";
import { TryMqtt } from "./TryMqtt";
import { TrySchedule } from "./TrySchedule";
import { useAddresses, useExamples } from "./examples";
import { useTrial } from "./trial";

type Kind = "http" | "mqtt" | "schedule";
const titles: Record<Kind, string> = { http: "HTTP", mqtt: "MQTT", schedule: "Schedule" };

export function TryTab({ detail }: { detail: FunctionDetail }) {
  if (!can.deploy.value) return <OnlyLooking detail={detail} />;
  return <Console detail={detail} />;
}

function Console({ detail }: { detail: FunctionDetail }) {
  const { triggers, name } = detail;
  const kinds = (Object.keys(titles) as Kind[]).filter((kind) => triggers[kind].length > 0);
  const asked = kinds.find((kind) => kind === query.value.get("event"));
  const [chosen, setChosen] = useState<Kind | null>(asked ?? null);
  const kind = chosen ?? kinds[0] ?? "http";
  const addresses = useAddresses(detail);
  const trial = useTrial(name);
  const form = { detail, addresses, busy: trial.busy, onRun: trial.run };
  return (
    <>
      <Section
        title="Event"
        actions={
          kinds.length > 1 && (
            <div class="switch" role="group" aria-label="Kind of event">
              {kinds.map((one) => (
                <button key={one} type="button" aria-pressed={one === kind} onClick={() => setChosen(one)}>
                  {titles[one]}
                </button>
              ))}
            </div>
          )
        }
      >
        {kind === "http" && <TryHttp {...form} />}
        {kind === "mqtt" && <TryMqtt {...form} />}
        {kind === "schedule" && <TrySchedule {...form} />}
      </Section>
      <p class="hidden" role="status">
        {trial.said}
      </p>
      {trial.error && <ProblemNotice error={trial.error} />}
      {trial.result && <TrialResult name={name} trial={trial.result} />}
    </>
  );
}

function OnlyLooking({ detail }: { detail: FunctionDetail }) {
  const commands = useExamples(detail);
  return (
    <EmptyState
      title="Your role may look, but not run"
      text={
        commands.length > 0
          ? "Ask for a token with the role deployer, or start the function from outside:"
          : "Ask for a token with the role deployer."
      }
      commands={commands}
    />
  );
}
