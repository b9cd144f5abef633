// From a file to a running function: dropped, looked at, deployed, tried.
import { useCallback, useEffect, useRef } from "preact/hooks";
import { ApiError } from "../api/client";
import { useResource } from "../api/resource";
import { can } from "../api/session";
import type { HostInfo } from "../api/types";
import { isName, nameProblem } from "../lib/checks";
import { EmptyState } from "../parts/EmptyState";
import { Field } from "../parts/Field";
import { Page } from "../parts/Page";
import { DeployBar } from "./deploy/DeployBar";
import { deployment, forget, isUnderWay } from "./deploy/deployment";
import { clear, component, form, manifest, name, nameTyped, request, take } from "./deploy/draft";
import { type Check, useDryRun } from "./deploy/dryRun";
import { GrantFields, LimitFields, TriggerFields } from "./deploy/Fields";
import { ChosenFiles, DropZone, OtherWays } from "./deploy/Files";
import { COMPONENT_BYTES_MAX, sortFiles } from "./deploy/files";
import { Forecast } from "./deploy/Forecast";
import { Live } from "./deploy/Live";
import { type Placed, place } from "./deploy/refusal";
import { type Running, useRunning } from "./deploy/running";
import { useDrop } from "./deploy/useDrop";
import "./deploy/deploy.css";

export default function Deploy() {
  return (
    <Page title="Deploy a function">
      {can.deploy.value ? (
        <DeployPage />
      ) : (
        <EmptyState
          title="Your role may look, but not deploy"
          text="Deploying needs the role deployer. Ask an admin for a token with it, sign out, and sign in with that one."
          action={<a href="#/">To the overview</a>}
        />
      )}
    </Page>
  );
}

function DeployPage() {
  const host = useResource<HostInfo>("/host").data;
  const state = deployment.value;
  const busy = isUnderWay(state);
  const bytesMax = host?.limits.find((one) => one.name === "component")?.value ?? COMPONENT_BYTES_MAX;
  const onFiles = useCallback(
    (files: readonly File[]) => {
      if (files.length === 0) return;
      void sortFiles(files, bytesMax).then((sorted) => {
        forget();
        take(sorted);
      });
    },
    [bytesMax],
  );
  const over = useDrop(onFiles, !busy);
  const reset = () => {
    clear();
    forget();
    document.querySelector<HTMLElement>("main h1")?.focus();
  };
  if (state.phase === "live") return <Live deployed={state.deployed} host={host} onAnother={reset} />;
  if (!component.value && !manifest.value) {
    return (
      <>
        <DropZone onFiles={onFiles} over={over} />
        <OtherWays />
      </>
    );
  }
  return <Editor onFiles={onFiles} over={over} onReset={reset} />;
}

interface EditorProps {
  onFiles: (files: readonly File[]) => void;
  over: boolean;
  onReset: () => void;
}

function Editor({ onFiles, over, onReset }: EditorProps) {
  const state = deployment.value;
  const disabled = isUnderWay(state);
  const check = useDryRun(disabled);
  const running = useRunning(check.asked?.name ?? null);
  const refused = check.state === "refused" ? check.error : state.phase === "none" ? (state.error ?? null) : null;
  const placed = refused ? place(refused, form.value) : null;
  useEffect(() => {
    // What the host said of the last one is of no use once something else is asked.
    if (deployment.peek().phase === "none") forget();
  }, [request.value?.key]);
  useFocusOnProblem(state.phase === "none" ? (state.error ?? null) : null);
  // The control that a file was chosen with is gone, with the focus.
  useEffect(() => {
    if (document.activeElement === document.body) document.querySelector<HTMLElement>("[data-field=name]")?.focus();
  }, []);
  // Said once for each answer of the host: while it is asked again, what was said stays.
  const said = useRef("");
  if (check.state !== "stale" || disabled) said.current = announcement(check, running, placed);
  const fields = { result: check.result, placed, disabled };
  return (
    <div class="deploy">
      <div class="deploy-form">
        <ChosenFiles {...{ onFiles, over, disabled }} />
        <NameField check={check} placed={placed} disabled={disabled} />
        <TriggerFields {...fields} />
        <GrantFields {...fields} />
        <LimitFields {...fields} />
      </div>
      <div class="deploy-side">
        <Forecast {...{ check, placed, running }} />
        <DeployBar {...{ state, check, placed, onReset }} />
      </div>
      <p class="hidden" role="status">
        {said.current}
      </p>
    </div>
  );
}

function NameField({ check, placed, disabled }: { check: Check; placed: Placed | null; disabled: boolean }) {
  const suggested = check.result?.manifest.name;
  const other = suggested && suggested !== name.value && isName(suggested) ? suggested : null;
  const use = (text: string) => {
    nameTyped.value = true;
    name.value = text;
  };
  const problem = nameProblem(name.value) ?? (placed?.field === "name" ? placed.text : null);
  return (
    <div class="card field">
      <Field
        label="Name"
        hint="Small letters, digits and “-”. It is part of addresses, and stays the same over all revisions."
        error={problem}
      >
        {(aria) => (
          <input
            {...aria}
            data-field="name"
            value={name.value}
            disabled={disabled}
            required
            maxLength={64}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            onInput={(event) => use(event.currentTarget.value)}
          />
        )}
      </Field>
      {other && !disabled && (
        <p class="small">
          Its manifest calls it <code>{other}</code>.{" "}
          <button type="button" class="link" onClick={() => use(other)}>
            Use that name
          </button>
        </p>
      )}
    </div>
  );
}

/** After a refused deployment, to the field that it is about. */
function useFocusOnProblem(error: ApiError | null): void {
  useEffect(() => {
    if (error) requestAnimationFrame(() => document.querySelector<HTMLElement>("main [aria-invalid]")?.focus());
  }, [error]);
}

function announcement({ state, result, asked, error }: Check, running: Running | null, placed: Placed | null): string {
  const { phase } = deployment.value;
  if (phase === "sending") return "Sending the component";
  if (phase === "compiling") return "The host compiles it";
  if (state === "refused") return `It cannot be deployed. ${placed?.text ?? error?.detail ?? ""}`;
  if (state !== "passed" || !result || !asked) return "";
  if (!result.would_change) return `Checked: nothing would change in ${asked.name}`;
  return `Checked: it can be deployed, as ${running ? `revision ${running.next} of ` : "a new function, "}${asked.name}`;
}
