// The button, and how far it has come.
import { bytes, percent } from "../../lib/format";
import { Icon } from "../../parts/Icon";
import { RequestLine } from "../../parts/Loaded";
import { Prose } from "../../parts/Prose";
import { type Deployment, cancel, deploy } from "./deployment";
import type { Check } from "./dryRun";
import { component, name, problems, request } from "./draft";
import { isName } from "../../lib/checks";
import type { Placed } from "./refusal";

export interface DeployBarProps {
  state: Deployment;
  check: Check;
  placed: Placed | null;
  /** Back to the beginning. */
  onReset: () => void;
}

export function DeployBar({ state, check, placed, onReset }: DeployBarProps) {
  if (state.phase === "sending" || state.phase === "compiling") return <Progress state={state} />;
  const lacking = whatLacks(check);
  return (
    <div class="deploy-bar">
      {state.phase === "none" && (
        <LastTime state={state} placed={placed} told={check.state === "refused" ? check.error : null} />
      )}
      <div class="actions">
        <button
          type="button"
          class="button primary"
          disabled={lacking !== null}
          aria-describedby={lacking ? "lacking" : undefined}
          onClick={() => void deploy()}
        >
          <Icon name="deploy" /> Deploy {name.value}
        </button>
        <button type="button" class="button quiet" onClick={onReset}>
          Start over
        </button>
      </div>
      {lacking && (
        <p class="quiet small" id="lacking">
          {lacking}
        </p>
      )}
    </div>
  );
}

function whatLacks({ state, error }: Check): string | null {
  if (!component.value) return "A component is missing.";
  if (!isName(name.value)) return "A name is missing.";
  if (problems.value.size > 0 || !request.value) return "Put right what is marked first.";
  if (state === "refused" && error && !error.offline && error.status < 500)
    return "The host would refuse it: see above.";
  return null;
}

interface LastTimeProps {
  state: Extract<Deployment, { phase: "none" }>;
  placed: Placed | null;
  /** What the forecast says already. */
  told: Check["error"];
}

function LastTime({ state, placed, told }: LastTimeProps) {
  const { error, cancelled } = state;
  if (cancelled === "sending") return <p class="quiet">Cancelled. Nothing was deployed.</p>;
  if (cancelled === "compiling") {
    return (
      <div class="notice warn">
        <Icon name="warning" />
        <p class="grow">
          Cancelled, but the host had all of it already: it may go live all the same. <a href="#/">See the overview</a>
        </p>
      </div>
    );
  }
  if (!error) return null;
  return (
    <div class="notice bad" role="alert">
      <Icon name="cross" />
      <div class="grow">
        <p>
          <strong>Not deployed; what ran before still runs.</strong>
        </p>
        {told?.detail !== error.detail && (
          <p>
            <Prose text={placed?.text ?? error.detail} />
          </p>
        )}
        {!placed && <RequestLine error={error} />}
      </div>
    </div>
  );
}

function Progress({ state }: { state: Extract<Deployment, { phase: "sending" | "compiling" }> }) {
  const sending = state.phase === "sending";
  const share = sending && state.total > 0 ? state.sent / state.total : 1;
  return (
    <div class="deploy-bar">
      <p class="row">
        <span class="spinner" aria-hidden="true" />
        <span class="num">
          {sending
            ? `Sending ${state.name}: ${bytes(state.sent)} of ${bytes(state.total)}, ${percent(share)}`
            : `The host has ${state.name}. It checks it, compiles it for its processor and stores it.`}
        </span>
      </p>
      <progress aria-label={`Sending ${state.name}`} max={1} {...(sending ? { value: share } : {})} />
      <div class="actions">
        <button type="button" class="button" onClick={cancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}
