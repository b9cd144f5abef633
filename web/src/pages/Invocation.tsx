// One invocation: how it ended, where its time went, what it said.
import { path } from "../api/client";
import { useResource } from "../api/resource";
import { can } from "../api/session";
import type { FunctionDetail, InvocationDetail } from "../api/types";
import { bytes, dateTime, duration, plural } from "../lib/format";
import { to } from "../lib/location";
import { CopyButton } from "../parts/CodeLine";
import { EmptyState } from "../parts/EmptyState";
import { type Figure, Figures } from "../parts/Figures";
import { Icon } from "../parts/Icon";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { RelativeTime } from "../parts/RelativeTime";
import { OutcomeBadge } from "../parts/StatusBadge";
import type { PageProps } from "../routes";
import { LogList } from "./function/LogRow";
import { offset } from "./function/TrialResult";
import { timesOf } from "./function/recent";
import "./function/function.css";
import { Reason } from "./invocation/Reason";
import { Waterfall } from "./invocation/Waterfall";
import "./invocation/invocation.css";
import { blameInWords, outcomeInWords } from "../lib/outcome";

export default function InvocationPage({ params }: PageProps) {
  const { name = "", id = "" } = params;
  const invocation = useResource<InvocationDetail>(path`/functions/${name}/invocations/${id}`);
  const owner = useResource<FunctionDetail>(path`/functions/${name}`);
  const shown = invocation.data;
  return (
    <Page
      title={`Invocation ${id.slice(-8)} of ${name}`}
      heading={
        <>
          Invocation <span class="num quiet heading-id">{id}</span>
        </>
      }
      crumbs={[{ href: `${to`/functions/${name}`}?tab=invocations`, text: name }]}
      actions={shown && can.deploy.value && shown.trigger === "http" && <RunAgain name={name} event={shown.event} />}
    >
      {invocation.absent && !shown ? (
        <NotKept name={name} functionIsGone={owner.absent} />
      ) : (
        <Loaded resource={invocation} what="the invocation">
          {(detail) => <Shown name={name} detail={detail} owner={owner.data} />}
        </Loaded>
      )}
    </Page>
  );
}

function RunAgain({ name, event }: { name: string; event: string }) {
  const [method = "GET", path = "/"] = event.split(" ", 2);
  const asked = new URLSearchParams({ tab: "try", event: "http", method, path });
  return (
    <a class="button" href={`${to`/functions/${name}`}?${asked}`}>
      <Icon name="refresh" size={14} /> Run again
    </a>
  );
}

function NotKept({ name, functionIsGone }: { name: string; functionIsGone: boolean }) {
  return (
    <EmptyState
      title={functionIsGone ? `There is no function “${name}”.` : "This invocation is not kept any more."}
      text={
        functionIsGone
          ? "It may have been deleted, and its invocations with it."
          : "The host keeps only recent ones of each function, and failures for longer; none of them outlasts a restart of it."
      }
      action={
        functionIsGone ? (
          <a class="button" href="#/">
            To the overview
          </a>
        ) : (
          <a class="button" href={`${to`/functions/${name}`}?tab=invocations`}>
            To the recent ones
          </a>
        )
      }
    />
  );
}

interface ShownProps {
  name: string;
  detail: InvocationDetail;
  owner: FunctionDetail | null;
}

function Shown({ name, detail, owner }: ShownProps) {
  const { outcome, blame, reason, logs, logs_dropped } = detail;
  const words = outcomeInWords(outcome);
  return (
    <>
      <Section title="How it ended">
        <div class="stack">
          <p class="row">
            <OutcomeBadge outcome={outcome} blame={blame} />
            <span>
              {words.what} {blameInWords(blame)}
            </span>
          </p>
          {outcome !== "ok" && reason && <Reason text={reason} />}
          {words.todo && <p class="quiet">{words.todo}</p>}
        </div>
      </Section>
      <Figures label="Figures" figures={figures(detail, owner)} />
      <Identity name={name} detail={detail} active={owner?.revision} />
      <Section title="Where its time went">
        <Waterfall detail={detail} />
      </Section>
      <Section title="What it logged">
        {logs_dropped > 0 && (
          <p class="quiet">{plural(logs_dropped, "earlier line was", "earlier lines were")} dropped.</p>
        )}
        {logs.length > 0 ? (
          <LogList lines={logs} at={({ time }) => offset(time, detail.started_at)} />
        ) : (
          <p class="quiet">Nothing.</p>
        )}
      </Section>
    </>
  );
}

function figures(detail: InvocationDetail, owner: FunctionDetail | null): Figure[] {
  const { queue, instantiate, run } = timesOf(detail);
  // The limits are those of the active revision; another one may have had others.
  const most = owner?.revision === detail.revision ? owner.limits?.memory_bytes : undefined;
  const peak = detail.memory_peak_bytes;
  return [
    { label: "Took", value: duration(detail.duration_ms), note: `after ${duration(queue)} in the queue` },
    {
      label: "Instantiate",
      value: duration(detail.instantiate_ms ?? null),
      note: instantiate > 0 ? "before its code ran" : "",
    },
    { label: "Run", value: duration(run), note: `computed ${duration(detail.cpu_ms)}` },
    {
      label: "Memory, at most",
      value: bytes(peak),
      ...(most
        ? { share: peak / most, note: `of ${bytes(most)}`, tone: peak / most > 0.9 ? ("warn" as const) : undefined }
        : {}),
    },
    ...(detail.trigger === "http"
      ? [
          {
            label: "HTTP status",
            value: detail.status ?? "–",
            note: detail.status ? "was answered" : "no answer was sent",
          },
        ]
      : []),
  ];
}

function Identity({ name, detail, active }: { name: string; detail: InvocationDetail; active: number | undefined }) {
  const { id, trigger, event, revision, started_at, trace_id } = detail;
  return (
    <dl class="card facts wide">
      <div>
        <dt>Event</dt>
        <dd class="row">
          <Icon name={trigger} size={14} />
          <span class="hidden">{trigger}</span>
          <code class="wrap">{event || trigger}</code>
        </dd>
      </div>
      <div>
        <dt>Revision</dt>
        <dd>
          <a href={`${to`/functions/${name}`}?tab=revisions`}>{revision}</a>{" "}
          {active !== undefined && (
            <span class="quiet">{active === revision ? "active" : `${active} is active now`}</span>
          )}
        </dd>
      </div>
      <div>
        <dt>Began</dt>
        <dd class="num">
          {dateTime(started_at)}{" "}
          <span class="quiet">
            (<RelativeTime at={started_at} />)
          </span>
        </dd>
      </div>
      <div>
        <dt>Trace</dt>
        <dd class="row">
          <code class="wrap">{trace_id}</code>
          <CopyButton text={trace_id} what="the trace id" compact />
        </dd>
      </div>
      <div>
        <dt>Id</dt>
        <dd class="row">
          <code class="wrap">{id}</code>
          <CopyButton text={id} what="the id" compact />
        </dd>
      </div>
    </dl>
  );
}
