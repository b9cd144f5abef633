// One line of the live feed.
import type { ComponentChildren } from "preact";
import type { LiveItem } from "../../api/live";
import type { BrokerEvent, DeployEvent, HealthEvent, InvocationEvent } from "../../api/types";
import { clock, duration } from "../../lib/format";
import { to } from "../../lib/location";
import { reasonParts } from "../../lib/outcome";
import { Icon, type IconName } from "../../parts/Icon";
import { OutcomeBadge, StatusBadge, type Tone } from "../../parts/StatusBadge";
import { Prose } from "../../parts/Prose";

export type Shown = Exclude<LiveItem, { type: "gap" }>;

const deployWords = { deployed: "deployed", rolled_back: "rolled back", deleted: "deleted" } as const;
const brokerWords: Record<BrokerEvent["action"], [string, Tone]> = {
  connected: ["connected", "ok"],
  disconnected: ["disconnected", "neutral"],
  refused: ["refused", "warn"],
  dead_letter: ["dead letter", "bad"],
  message_dropped: ["message dropped", "bad"],
};

export function isFailed(item: Shown): boolean {
  if (item.type === "invocation") return item.data.outcome !== "ok";
  if (item.type === "broker") return brokerWords[item.data.action]?.[1] === "bad";
  return item.type === "health" && item.data.state === "degraded";
}

export function textOf({ type, data }: Shown): string {
  switch (type) {
    case "invocation":
      return `${data.function} ${data.event} ${data.outcome} ${data.reason} ${data.id}`;
    case "deploy":
      return `${data.function} ${data.action} ${data.actor}`;
    case "broker":
      return `${data.client_id ?? ""} ${data.function ?? ""} ${data.topic ?? ""} ${data.action} ${data.detail}`;
    case "health":
      return `${data.state} ${data.problems.map(({ detail }) => detail).join(" ")}`;
  }
}

export function EventRow({ item: { type, data } }: { item: Shown }) {
  switch (type) {
    case "invocation":
      return <InvocationRow event={data} />;
    case "deploy":
      return <DeployRow event={data} />;
    case "broker":
      return <BrokerRow event={data} />;
    case "health":
      return <HealthRow event={data} />;
  }
}

interface LineProps {
  at: string;
  icon: IconName;
  kind: string;
  subject: ComponentChildren;
  text: ComponentChildren;
  badge: ComponentChildren;
  took?: string;
}

function Line({ at, icon, kind, subject, text, badge, took = "" }: LineProps) {
  return (
    <>
      <time class="num quiet feed-time" dateTime={at}>
        {clock(at)}
      </time>
      <span class="feed-kind quiet" title={kind}>
        <Icon name={icon} size={14} />
        <span class="hidden">{kind}</span>
      </span>
      <span class="feed-subject" title={typeof subject === "string" ? subject : undefined}>
        {subject}
      </span>
      <span class="feed-text wrap">{text}</span>
      <span class="feed-badge">{badge}</span>
      <span class="feed-took num quiet">{took}</span>
    </>
  );
}

function InvocationRow({ event }: { event: InvocationEvent }) {
  const href = to`/functions/${event.function}/invocations/${event.id}`;
  const failed = event.outcome !== "ok";
  return (
    <Line
      at={event.started_at}
      icon={event.trigger}
      kind={`Invocation by ${event.trigger}`}
      subject={<a href={to`/functions/${event.function}`}>{event.function}</a>}
      text={
        <>
          <a class="feed-event" href={href}>
            {event.event || event.trigger}
          </a>
          {failed && event.reason && (
            <span class="feed-reason">
              <Prose text={reasonParts(event.reason).first} />
            </span>
          )}
        </>
      }
      badge={<OutcomeBadge outcome={event.outcome} blame={event.blame} />}
      took={duration(event.duration_ms)}
    />
  );
}

function DeployRow({ event }: { event: DeployEvent }) {
  const gone = event.action === "deleted";
  return (
    <Line
      at={event.at}
      icon="deploy"
      kind="Deployment"
      subject={gone ? event.function : <a href={to`/functions/${event.function}`}>{event.function}</a>}
      text={gone ? `by ${event.actor}` : `revision ${event.revision ?? "?"} by ${event.actor}`}
      badge={<StatusBadge tone="info">{deployWords[event.action] ?? event.action}</StatusBadge>}
    />
  );
}

function BrokerRow({ event }: { event: BrokerEvent }) {
  const [word, tone] = brokerWords[event.action] ?? [event.action, "neutral"];
  const subject = event.function ? (
    <a href={to`/functions/${event.function}`}>{event.function}</a>
  ) : (
    (event.client_id ?? "broker")
  );
  const text = (
    <>
      {event.topic}
      {event.topic && event.detail && " · "}
      <Prose text={event.detail} />
    </>
  );
  return (
    <Line
      at={event.at}
      icon="mqtt"
      kind="Broker"
      subject={subject}
      text={event.action === "dead_letter" ? <a href="#/dead-letters">{text}</a> : text}
      badge={<StatusBadge tone={tone}>{word}</StatusBadge>}
    />
  );
}

function HealthRow({ event }: { event: HealthEvent }) {
  const ok = event.state === "ok";
  return (
    <Line
      at={event.at}
      icon="overview"
      kind="Health"
      subject="host"
      text={<Prose text={ok ? "All is well." : event.problems.map(({ detail }) => detail).join(" ")} />}
      badge={<StatusBadge tone={ok ? "ok" : "warn"}>{ok ? "healthy" : "degraded"}</StatusBadge>}
    />
  );
}
