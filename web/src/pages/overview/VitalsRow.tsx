// What the host uses, and of how much.
import { cpuCores, vitals } from "../../api/live";
import type { Vitals } from "../../api/types";
import { bytes, compact, count, percent, plural, span } from "../../lib/format";
import { type Figure, Figures } from "../../parts/Figures";

const NEARLY_FULL = 0.9;

export function VitalsRow() {
  const now = vitals.value;
  return now && <Figures label="Vitals" figures={[...hostFigures(now), ...brokerFigures(now)]} />;
}

function hostFigures(now: Vitals): Figure[] {
  const { pool, guest_memory: guest, storage } = now;
  const used = pool.capacity > 0 ? pool.used / pool.capacity : 0;
  return [
    {
      label: "Memory",
      value: bytes(now.memory_bytes),
      note: `${bytes(guest.bytes)} by functions, of ${bytes(guest.bytes_max)}`,
    },
    {
      label: "CPU",
      value: cpuCores.value === null ? "–" : percent(cpuCores.value),
      note: `of one core; ${span(now.cpu_seconds)} in all`,
    },
    {
      label: "In flight",
      value: count(now.in_flight),
      note: `${count(now.queued)} queued`,
      tone: now.queued > 0 ? "warn" : undefined,
    },
    {
      label: "Instance pool",
      value: percent(used),
      share: used,
      note: `${count(pool.used)} of ${count(pool.capacity)} in use`,
      tone: used >= NEARLY_FULL ? "warn" : undefined,
    },
    {
      label: "Written to disk",
      value: bytes(storage.written_bytes),
      note: `database ${bytes(storage.database_bytes)}; ${bytes(storage.disk_free_bytes)} free`,
    },
  ];
}

function brokerFigures({ broker }: Vitals): Figure[] {
  if (!broker) return [];
  const external = broker.external_connected;
  const figures: Figure[] = [
    {
      label: "MQTT clients",
      value: count(broker.clients),
      note: plural(broker.sessions, "session"),
      href: "#/clients",
    },
    {
      label: "Messages",
      value: compact(broker.messages_received),
      note: `${count(broker.retained)} retained; ${count(broker.inbox_messages)} in inboxes`,
      href: "#/topics",
    },
    {
      label: "Dead letters",
      value: count(broker.dead_letters),
      note: broker.dead_letters > 0 ? "wait for a decision" : "none",
      href: "#/dead-letters",
      tone: broker.dead_letters > 0 ? "bad" : undefined,
    },
  ];
  if (typeof external === "boolean") {
    figures.push({
      label: "External broker",
      value: external ? "Connected" : "Lost",
      tone: external ? undefined : "bad",
      note: external ? "triggers subscribe there" : "it is tried again",
    });
  }
  return figures;
}
