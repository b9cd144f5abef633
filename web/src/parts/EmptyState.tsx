// Nothing to show, and what to do about it.
import type { ComponentChildren } from "preact";
import { CodeLine, type CodeLineProps } from "./CodeLine";

export interface EmptyStateProps {
  title: string;
  text?: ComponentChildren;
  /** Exact commands, with a Copy button each. */
  commands?: readonly CodeLineProps[];
  /** A link or button. */
  action?: ComponentChildren;
}

export function EmptyState({ title, text, commands = [], action }: EmptyStateProps) {
  return (
    <div class="empty-state">
      <p class="empty-title">{title}</p>
      {text && <p class="quiet">{text}</p>}
      {action && <p>{action}</p>}
      {commands.map((line) => (
        <CodeLine key={line.command} {...line} />
      ))}
    </div>
  );
}
