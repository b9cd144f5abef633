// What came of a trial.
import type { Invocation, Trial } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { to } from "../../lib/location";
import { Icon } from "../../parts/Icon";
import { Section } from "../../parts/Page";
import { PayloadView } from "../../parts/PayloadView";
import { OutcomeBadge, StatusBadge } from "../../parts/StatusBadge";
import { Reason } from "../invocation/Reason";
import { outcomeInWords } from "../../lib/outcome";
import { LogList } from "./LogRow";
import { splitInWords } from "./Split";

/** Of an event that was refused, the host tells the id and the outcome alone. */
type Known = Pick<Invocation, "id" | "outcome"> & Partial<Invocation>;

export function TrialResult({ name, trial }: { name: string; trial: Trial }) {
  const invocation: Known | null = trial.invocation ?? null;
  const { http, logs } = trial;
  return (
    <>
      <Section title="What came of it">
        <div class="stack">
          {invocation ? (
            <Outcome name={name} invocation={invocation} />
          ) : (
            <p class="quiet">The host has no record of it yet. Look under Invocations in a moment.</p>
          )}
          {http && <Response http={http} />}
        </div>
      </Section>
      <Section title="What it logged">
        {logs.length > 0 ? (
          <LogList lines={logs} at={({ time }) => offset(time, invocation?.started_at)} />
        ) : (
          <p class="quiet">Nothing.</p>
        )}
      </Section>
    </>
  );
}

/** "+12.3 ms" after the beginning. */
export function offset(time: string, start: string | undefined): string {
  const passed = Date.parse(time) - Date.parse(start ?? "");
  return Number.isNaN(passed) ? "" : `+${duration(Math.max(0, passed))}`;
}

export function Outcome({ name, invocation }: { name: string; invocation: Known }) {
  const { id, outcome, blame, reason, duration_ms, cpu_ms, memory_peak_bytes } = invocation;
  return (
    <>
      <div class="row">
        <OutcomeBadge outcome={outcome} blame={blame} />
        <span>{outcomeInWords(outcome).what}</span>
        <span class="grow" />
        {duration_ms !== undefined && (
          <a href={to`/functions/${name}/invocations/${id}`}>
            To the invocation <Icon name="next" size={12} />
          </a>
        )}
      </div>
      {outcome !== "ok" && reason && <Reason text={reason} />}
      {duration_ms !== undefined && (
        <p class="quiet num">
          {duration(duration_ms)}: {splitInWords(invocation)} · computed {duration(cpu_ms)} · memory at most{" "}
          {bytes(memory_peak_bytes ?? 0)}
        </p>
      )}
    </>
  );
}

export function Response({ http }: { http: NonNullable<Trial["http"]> }) {
  const { status, headers, body, body_base64, body_error } = http;
  const tone = status < 300 ? "ok" : status < 400 ? "info" : status < 500 ? "warn" : "bad";
  return (
    <div class="stack">
      <p>
        Response <StatusBadge tone={tone}>{status}</StatusBadge>
      </p>
      {headers.length > 0 && (
        <dl class="headers">
          {headers.map(([name = "", value = ""], index) => (
            <div key={index}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                <code class="wrap">{value}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {body_error ? (
        <p class="bad-text">Its body broke off: {body_error}</p>
      ) : (
        <PayloadView text={body} base64={body_base64} label="Answer" />
      )}
    </div>
  );
}
