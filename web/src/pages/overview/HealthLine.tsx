// The state of the host in one sentence, and its problems where it has any.
import { health, vitals } from "../../api/live";
import type { FunctionSummary } from "../../api/types";
import { count, plural, span } from "../../lib/format";
import { Icon } from "../../parts/Icon";
import { failuresOf } from "./failures";
import { Prose } from "../../parts/Prose";

export function HealthLine({ functions }: { functions: readonly FunctionSummary[] | null }) {
  const state = health.value;
  if (state?.state === "degraded") {
    return (
      <div class="notice warn health">
        <Icon name="warning" />
        <div class="grow">
          <p>
            <strong>Degraded.</strong> {facts(functions)}
          </p>
          <ul>
            {state.problems.map(({ code, detail }) => (
              <li key={code}>
                <Prose text={detail} /> <code class="quiet">{code}</code>
              </li>
            ))}
          </ul>
        </div>
      </div>
    );
  }
  const text = facts(functions);
  if (!state && !text) return null;
  return (
    <p class="health-ok">
      {state && (
        <span class="health-word">
          <Icon name="check" /> Healthy.
        </span>
      )}{" "}
      <span class="quiet">{text}</span>
    </p>
  );
}

function facts(functions: readonly FunctionSummary[] | null): string {
  const parts: string[] = [];
  if (vitals.value) parts.push(`Up for ${span(vitals.value.uptime_s)}.`);
  if (functions?.length) {
    const failing = functions.filter((one) => failuresOf(one) > 0);
    const since = functions.every((one) => one.activity) ? "in the last hour" : "since the host started";
    const failures = failing.reduce((sum, one) => sum + failuresOf(one), 0);
    parts.push(`${plural(functions.length, "function")};`);
    parts.push(
      failures === 0
        ? `nothing failed ${since}.`
        : `${plural(failures, "invocation")} of ${count(failing.length)} ${failing.length === 1 ? "function" : "of them"} failed ${since}.`,
    );
  }
  return parts.join(" ");
}
