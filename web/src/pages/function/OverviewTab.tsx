// How it did in the last hour, what will start it, what it may use.
import { path } from "../../api/client";
import { usePoll } from "../../api/resource";
import type { ActivityHistory, FunctionDetail } from "../../api/types";
import { count, duration, total } from "../../lib/format";
import { to } from "../../lib/location";
import { Chart } from "../../parts/Chart";
import { EmptyState } from "../../parts/EmptyState";
import { type Figure, Figures } from "../../parts/Figures";
import { Loaded } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { RelativeTime } from "../../parts/RelativeTime";
import { HeatMap } from "./HeatMap";
import { Facts } from "./Facts";
import { useExamples } from "./examples";
import { minutesOf } from "./heat";

const REFRESH_MS = 10_000;

export function OverviewTab({ detail }: { detail: FunctionDetail }) {
  const history = usePoll<ActivityHistory>(path`/functions/${detail.name}/activity`, REFRESH_MS);
  return (
    <>
      <Figures label="Figures" figures={figures(detail)} />
      {detail.invocations === 0 ? (
        <NeverStarted detail={detail} />
      ) : (
        !history.absent && (
          <Section title="The last hour">
            <Loaded resource={history} what="its activity">
              {(data) => <LastHour history={data} />}
            </Loaded>
          </Section>
        )
      )}
      <Facts detail={detail} />
    </>
  );
}

function LastHour({ history }: { history: ActivityHistory }) {
  const minutes = minutesOf(history, Date.now());
  if (minutes.every(({ invocations }) => invocations === 0)) {
    return (
      <EmptyState title="Nothing started it in the last hour" text="Its last invocations are kept all the same." />
    );
  }
  return (
    <>
      <HeatMap history={history} />
      <Chart
        title="Invocations and failures by the minute"
        height={150}
        times={minutes.map(({ at }) => at)}
        format={count}
        series={[
          { label: "invocations", color: "--accent", bars: true, values: minutes.map((one) => one.invocations) },
          { label: "failures", color: "--bad", bars: true, values: minutes.map((one) => one.failures) },
        ]}
      />
    </>
  );
}

function NeverStarted({ detail }: { detail: FunctionDetail }) {
  const commands = useExamples(detail);
  const [schedule] = detail.triggers.schedule;
  const next = schedule?.next_runs[0];
  return (
    <Section title="The last hour">
      <EmptyState
        title="Nothing has started it yet"
        text={
          next ? (
            <>
              Its schedule does <RelativeTime at={next} />.
            </>
          ) : (
            "This is how to:"
          )
        }
        commands={commands}
      />
    </Section>
  );
}

function figures({ name, invocations, failures, activity, limits }: FunctionDetail): Figure[] {
  const since: Figure[] = [
    {
      label: "Invocations",
      value: count(invocations),
      note: activity ? `${count(total(activity.per_minute))} in the last hour` : "since the host started",
    },
    {
      label: "Failures",
      value: count(failures),
      note: activity ? `${count(total(activity.failures_per_minute))} in the last hour` : "since the host started",
      ...(failures > 0 ? { href: `${to`/functions/${name}`}?tab=invocations&failed=true` } : {}),
      tone: total(activity?.failures_per_minute) > 0 ? "bad" : undefined,
    },
  ];
  if (!activity) return since;
  return [
    ...since,
    { label: "p50", value: duration(activity.p50_ms), note: "half were faster, in 15 min" },
    { label: "p99", value: duration(activity.p99_ms), note: "one in a hundred was slower" },
    {
      label: "In flight",
      value: count(activity.in_flight),
      note: `of ${count(limits.concurrency)} at once; ${count(activity.queued)} queued`,
      tone: activity.queued > 0 ? "warn" : undefined,
    },
    {
      label: "Last run",
      value: <RelativeTime at={activity.last_at} />,
      note: activity.last_failure_at ? (
        <>
          last failure <RelativeTime at={activity.last_failure_at} />
        </>
      ) : (
        "no failure since the host started"
      ),
    },
  ];
}
