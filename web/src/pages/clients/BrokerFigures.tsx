// The broker at a glance.
import type { BrokerState } from "../../api/types";
import { bytes, compact, count, plural, span } from "../../lib/format";
import { type Figure, Figures } from "../../parts/Figures";

export function BrokerFigures({ state }: { state: BrokerState }) {
  const offline = Math.max(0, state.sessions - state.clients_connected);
  const figures: Figure[] = [
    {
      label: "On line",
      value: count(state.clients_connected),
      note: `${plural(state.connects, "connection")} so far`,
    },
    { label: "Sessions", value: count(state.sessions), note: `${count(offline)} off line` },
    {
      label: "Not let in",
      value: count(state.connects_refused),
      note: "connections refused",
      tone: state.connects_refused > 0 ? "warn" : undefined,
    },
    { label: "Subscriptions", value: count(state.subscriptions), note: "those of functions too" },
    {
      label: "Messages",
      value: compact(state.messages_received),
      note: `${bytes(state.bytes_received)}; ${compact(state.messages_unmatched)} for nobody`,
      href: "#/topics",
    },
    {
      label: "Retained",
      value: count(state.retained),
      note: state.retained_refused > 0 ? `${count(state.retained_refused)} had no room` : bytes(state.retained_bytes),
      tone: state.retained_refused > 0 ? "warn" : undefined,
    },
    { label: "Queued for clients", value: bytes(state.queued_bytes), note: "in memory" },
    {
      label: "Stored for functions",
      value: compact(state.deliveries_stored),
      note: state.is_failing ? "the disk refuses more; it is tried again" : `up for ${span(state.uptime_s)}`,
      tone: state.is_failing ? "bad" : undefined,
    },
  ];
  return <Figures label="The broker" figures={figures} />;
}
