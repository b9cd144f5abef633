// What the function says, line by line, as it says it.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Gap, Item } from "../../api/buffer";
import { path } from "../../api/client";
import { Feed } from "../../api/feed";
import type { LogLine } from "../../api/types";
import { count } from "../../lib/format";
import { EmptyState } from "../../parts/EmptyState";
import { LiveTail } from "../../parts/LiveTail";
import { LogRow, LogTime } from "./LogRow";

type Line = Item<LogLine>;

const KEPT = 500;
const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"] as const;
const SOURCES = ["stdout", "stderr", "logging", "host"] as const;

export function LogsTab({ name }: { name: string }) {
  const [level, setLevel] = useState<(typeof LEVELS)[number]>("trace");
  const [source, setSource] = useState("");
  const feed = useLogs(name);
  const least = LEVELS.indexOf(level);
  const only = useMemo(
    () =>
      ({ data }: Line) =>
        LEVELS.indexOf(data.level) >= least && (!source || data.source === source),
    [least, source],
  );
  const isFiltered = least > 0 || source !== "";
  const missed = feed.missed.value;
  return (
    <div class="logs">
      <LiveTail<Line>
        label="Log lines"
        unit="line"
        order="oldest-first"
        rowsMax={KEPT}
        items={feed.items.value as readonly (Line | Gap)[]}
        state={feed.state.value}
        only={only}
        text={({ data }) => `${data.message} ${data.context ?? ""} ${data.level} ${data.source} ${data.invocation}`}
        rowClass={({ data }) => `log ${data.level}`}
        row={({ data }) => <LogRow line={data} at={<LogTime name={name} line={data} />} />}
        controls={
          <>
            <select
              aria-label="Level"
              value={level}
              onChange={(event) => setLevel(LEVELS.find((one) => one === event.currentTarget.value) ?? "trace")}
            >
              {LEVELS.map((one, index) => (
                <option key={one} value={one}>
                  {index === 0 ? "all levels" : one === "critical" ? one : `${one} and above`}
                </option>
              ))}
            </select>
            <select aria-label="Source" value={source} onChange={(event) => setSource(event.currentTarget.value)}>
              <option value="">all sources</option>
              {SOURCES.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
            {missed > 0 && <span class="small num log-missed">{count(missed)} missed</span>}
          </>
        }
        empty={
          isFiltered ? (
            <EmptyState
              title="No line of this level and source"
              action={
                <button type="button" class="button" onClick={() => (setLevel("trace"), setSource(""))}>
                  Show all lines
                </button>
              }
            />
          ) : (
            <HowToLog name={name} />
          )
        }
      />
    </div>
  );
}

function useLogs(name: string): Feed {
  const feed = useMemo(
    () =>
      new Feed({
        path: `${path`/functions/${name}/logs`}?follow=true&limit=${KEPT}`,
        kept: ["log"],
        replays: true,
      }),
    [name],
  );
  useEffect(() => {
    feed.open();
    return () => feed.close();
  }, [feed]);
  return feed;
}

function HowToLog({ name }: { name: string }) {
  return (
    <EmptyState
      title="It has logged nothing yet"
      text={
        <>
          What a function prints is a line here: <code>println!</code> in Rust, <code>console.log</code> in JavaScript,{" "}
          <code>print</code> in Python. With <code>wasi:logging</code> a line has a level of its choice as well.
        </>
      }
      commands={[{ label: "The same lines in a terminal:", command: `tidegate logs ${name} --follow` }]}
    />
  );
}
