// One invocation with an example, by the host itself, and what came of it.
import { useState } from "preact/hooks";
import { path, post } from "../../api/client";
import type { Trial as TrialAnswer } from "../../api/types";
import { ActionButton } from "../../parts/ActionButton";
import { CodeLine } from "../../parts/CodeLine";
import { LogList } from "../function/LogRow";
import { Outcome, Response, offset } from "../function/TrialResult";
import "../function/function.css";
import type { Trial } from "./trials";

export function TryIt({ name, trial }: { name: string; trial: Trial }) {
  const [answer, setAnswer] = useState<TrialAnswer | null>(null);
  const run = async () => setAnswer(await post<TrialAnswer>(path`/functions/${name}/invoke`, trial.event));
  return (
    <div class="try-it stack">
      <div class="section-head">
        <h3 class="wrap">{trial.title}</h3>
        <ActionButton run={run} failure="The trial did not begin" small>
          Try it<span class="hidden">: {trial.title}</span>
        </ActionButton>
      </div>
      {trial.command && <CodeLine command={trial.command} />}
      <div aria-live="polite">{answer && <Answer name={name} answer={answer} />}</div>
    </div>
  );
}

function Answer({ name, answer: { invocation, logs, http } }: { name: string; answer: TrialAnswer }) {
  return (
    <div class="answer stack">
      {invocation && <Outcome name={name} invocation={invocation} />}
      {http && <Response http={http} />}
      {logs.length > 0 && (
        <div>
          <h4>What it logged</h4>
          <LogList lines={logs} at={({ time }) => offset(time, invocation?.started_at)} />
        </div>
      )}
    </div>
  );
}
