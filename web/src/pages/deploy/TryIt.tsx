// One invocation with an example, by the host itself, and what came of it.
import { useState } from "preact/hooks";
import { path, post } from "../../api/client";
import type { Trial as TrialAnswer } from "../../api/types";
import { duration } from "../../lib/format";
import { to } from "../../lib/location";
import { ActionButton } from "../../parts/ActionButton";
import { CodeLine } from "../../parts/CodeLine";
import { PayloadView } from "../../parts/PayloadView";
import { OutcomeBadge } from "../../parts/StatusBadge";
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
    <div class="trial-answer stack">
      <p class="row">
        {http && <strong class="num">{http.status}</strong>}
        {invocation && <OutcomeBadge outcome={invocation.outcome} blame={invocation.blame} />}
        {invocation && invocation.duration_ms !== undefined && (
          <span class="num">
            {duration(invocation.duration_ms)}
            <span class="quiet">, {duration(invocation.cpu_ms)} of it computing</span>
          </span>
        )}
        {invocation && <a href={to`/functions/${name}/invocations/${invocation.id}`}>See the invocation</a>}
      </p>
      {invocation && invocation.outcome !== "ok" && invocation.reason && (
        <pre class="bad-text trial-reason" tabIndex={0} role="group" aria-label="Why">
          {invocation.reason}
        </pre>
      )}
      {http?.body_error && <p class="bad-text wrap">Its body broke off: {http.body_error}</p>}
      {http && !http.body_error && <PayloadView text={http.body} base64={http.body_base64} label="Answer" />}
      {logs.length > 0 && (
        <div>
          <h4>What it logged</h4>
          <div class="trial-log" tabIndex={0} role="group" aria-label="What it logged">
            <ol>
              {logs.map(({ level, message }, index) => (
                <li key={index} class="wrap">
                  <span class={level === "error" || level === "critical" ? "bad-text" : "quiet"}>{level}</span>{" "}
                  {message}
                </li>
              ))}
            </ol>
          </div>
        </div>
      )}
    </div>
  );
}
