// A state in a word, with an icon of its own shape: colour alone tells nothing.
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

export type Tone = "ok" | "bad" | "warn" | "info" | "neutral";

const icons: Record<Tone, IconName> = { ok: "check", bad: "cross", warn: "warning", info: "info", neutral: "dot" };

export interface StatusBadgeProps {
  tone: Tone;
  children: ComponentChildren;
  title?: string;
  /** How one of many invocations ended. */
  outcome?: boolean;
}

export function StatusBadge({ tone, children, title, outcome = false }: StatusBadgeProps) {
  return (
    <span class={`badge ${tone} ${outcome ? "outcome" : ""}`} title={title}>
      <Icon name={icons[tone]} size={12} />
      {children}
    </span>
  );
}

/** How an invocation ended: "ok", or its outcome in words. */
export function OutcomeBadge({ outcome, blame }: { outcome: string; blame?: string | null | undefined }) {
  const tone = outcome === "ok" ? "ok" : blame === "client" ? "warn" : "bad";
  return (
    <StatusBadge tone={tone} outcome {...(blame ? { title: `Blame: ${blame}` } : {})}>
      {outcome.replaceAll("_", " ")}
    </StatusBadge>
  );
}
