// Invocations, deployments, and what the broker and the host had to say, as they happen.
import { useState } from "preact/hooks";
import { type LiveItem, live } from "../../api/live";
import type { Gap, Item } from "../../api/buffer";
import { EmptyState } from "../../parts/EmptyState";
import { LiveTail } from "../../parts/LiveTail";
import { EventRow, type Shown, isFailed, textOf } from "./EventRow";

const choices = {
  all: () => true,
  failures: isFailed,
  deployments: (item: Shown) => item.type === "deploy",
  broker: (item: Shown) => item.type === "broker",
} as const;

type Choice = keyof typeof choices;

export function LiveFeed() {
  const [choice, setChoice] = useState<Choice>("all");
  const controls = (
    <div class="switch" role="group" aria-label="Show">
      {(Object.keys(choices) as Choice[]).map((one) => (
        <button key={one} type="button" aria-pressed={one === choice} onClick={() => setChoice(one)}>
          {one}
        </button>
      ))}
    </div>
  );
  return (
    <LiveTail<Shown & Item>
      label="Events"
      items={live.items.value as readonly LiveItem[] as readonly ((Shown & Item) | Gap)[]}
      state={live.state.value}
      only={choices[choice]}
      controls={controls}
      text={textOf}
      rowClass={(item) => (isFailed(item) ? "failed" : "")}
      row={(item) => <EventRow item={item} />}
      empty={
        choice === "all" ? (
          <EmptyState
            title="Quiet so far"
            text="Invocations, deployments and the broker's events appear here as they happen."
          />
        ) : (
          <EmptyState
            title={`No ${choice === "broker" ? "events of the broker" : choice} since this page was opened`}
          />
        )
      }
    />
  );
}
