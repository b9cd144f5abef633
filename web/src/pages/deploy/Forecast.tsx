// What would come of it, before anything is deployed.
import type { ComponentChildren } from "preact";
import type { DryRun } from "../../api/types";
import { bytes, percent } from "../../lib/format";
import { to } from "../../lib/location";
import { exportsInWords, grantsInWords, importsInWords } from "../../lib/words";
import { Icon } from "../../parts/Icon";
import { WordList } from "../../parts/InWords";
import { RequestLine } from "../../parts/Loaded";
import { Prose } from "../../parts/Prose";
import { TriggerChips } from "../../parts/TriggerChips";
import type { Check } from "./dryRun";
import { manifest } from "./draft";
import type { Placed } from "./refusal";
import { RevisionChanges } from "./RevisionChanges";
import type { Running } from "./running";
import { Warnings } from "./Warnings";

export interface ForecastProps {
  check: Check & { again: () => void };
  placed: Placed | null;
  running: Running | null;
}

export function Forecast({ check, placed, running }: ForecastProps) {
  const { state, result, share } = check;
  return (
    <section class="forecast card stack" aria-labelledby="forecast" aria-busy={state === "stale"}>
      <div class="section-head">
        <h2 id="forecast">What would come of it</h2>
        {state === "stale" && (
          <span class="quiet small row">
            <span class="spinner" aria-hidden="true" />
            {share !== null && share < 1 ? `sending, ${percent(share)}` : "looking"}
          </span>
        )}
      </div>
      <Headline {...{ check, placed, running }} />
      {result && state !== "refused" && (
        <div class={state === "passed" ? "stack" : "stack dimmed"}>
          <Warnings texts={warningsOf(result)} />
          {running && result.would_change && (
            <RevisionChanges running={running.detail} result={result} carried={manifest.value} />
          )}
          <Facts result={result} />
        </div>
      )}
    </section>
  );
}

function Headline({ check, placed, running }: ForecastProps) {
  const { state, result, error, again } = check;
  if (state === "refused" && error) {
    return (
      <div class="notice bad">
        <Icon name="cross" />
        <div class="grow">
          <p>
            <strong>
              {placed ? "It cannot be deployed like this." : error.offline ? "Not checked." : "It cannot be deployed."}
            </strong>
          </p>
          <p>
            <Prose text={placed?.text ?? error.detail} />
          </p>
          <Remedy {...{ error, placed }} />
        </div>
        {(error.offline || error.status >= 500) && (
          <button type="button" class="button small" onClick={again}>
            Try again
          </button>
        )}
      </div>
    );
  }
  if (state === "idle")
    return (
      <p class="quiet">It is looked at as soon as there is a component and a name, and what is marked is put right.</p>
    );
  if (!result) return <p class="quiet">The host looks at the component and compiles it on trial.</p>;
  return <Outcome result={result} running={running} name={check.asked?.name ?? ""} dimmed={state === "stale"} />;
}

function Remedy({ error, placed }: { error: NonNullable<Check["error"]>; placed: Placed | null }) {
  if (placed) {
    return (
      <p class="row">
        <button type="button" class="link" onClick={() => focusField(placed)}>
          To the field
        </button>
        {placed.other && <a href={to`/functions/${placed.other}`}>See {placed.other}</a>}
      </p>
    );
  }
  if (error.code === "secret_missing")
    return <a href="#/access?tab=secrets">Set the secret; what is entered here stays</a>;
  return <RequestLine error={error} />;
}

function focusField({ field, index }: Placed): void {
  const inputs = document.querySelectorAll<HTMLElement>(`main [data-field="${field}"]`);
  (inputs[index] ?? inputs[0])?.focus();
}

interface OutcomeProps {
  result: DryRun;
  running: Running | null;
  name: string;
  dimmed: boolean;
}

function Outcome({ result, running, name, dimmed }: OutcomeProps) {
  const link = <a href={to`/functions/${name}`}>{name}</a>;
  return (
    <p class={dimmed ? "forecast-outcome dimmed" : "forecast-outcome"}>
      <Icon name={result.would_change ? "check" : "info"} />
      <span>
        {!result.would_change ? (
          <>Nothing changes: the running revision of {link} is exactly this.</>
        ) : running ? (
          <>
            A new revision {running.next} of the running function {link}
          </>
        ) : (
          <>
            A new function, <strong>{name}</strong>
          </>
        )}
      </span>
    </p>
  );
}

const warningsOf = ({ warnings, clashes }: DryRun): string[] => [
  ...warnings,
  ...clashes.map((one) => `\`${one}\`, of the same app, has one of its routes now and would have to give it up.`),
];

function Facts({ result }: { result: DryRun }) {
  const { exports, imports, triggers, grants, manifest: merged } = result;
  const does = exportsInWords(exports);
  const uses = importsInWords(imports);
  const granted = grantsInWords(grants, merged);
  return (
    <>
      <dl class="forecast-facts">
        <Fact term="It">{does.length > 0 ? `${does.join(", ")}.` : "exports nothing that the host knows."}</Fact>
        <Fact term="Started by">
          <TriggerChips triggers={triggers} />
        </Fact>
        <Fact term="Is granted">
          {granted.length > 0 ? <WordList words={granted} /> : "Nothing beyond its own memory."}
        </Fact>
        <Fact term="Can call">{uses.length > 0 ? `${uses.join(", ")}.` : "Nothing of the host."}</Fact>
        <Fact term="Size">{bytes(result.component_bytes)}</Fact>
      </dl>
      <details>
        <summary>Exports and imports by name</summary>
        <Names title="Exports" names={exports} />
        <Names title="Imports" names={imports} />
      </details>
    </>
  );
}

function Fact({ term, children }: { term: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  return (
    <>
      <h3>{title}</h3>
      {names.length === 0 && <p class="quiet">None.</p>}
      <ul>
        {names.map((one) => (
          <li key={one} class="wrap">
            <code>{one}</code>
          </li>
        ))}
      </ul>
    </>
  );
}
