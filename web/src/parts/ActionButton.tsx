// A button whose work takes time and may fail.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { notifyError } from "./Notices";

export interface ActionButtonProps {
  /** A rejected promise becomes a notice that begins with `failure`. */
  run: () => Promise<unknown>;
  failure: string;
  tone?: "primary" | "danger" | "quiet";
  small?: boolean;
  disabled?: boolean;
  title?: string;
  children: ComponentChildren;
}

export function ActionButton({ run, failure, tone, small, disabled = false, title, children }: ActionButtonProps) {
  const [busy, setBusy] = useState(false);
  const start = async () => {
    if (busy) return;
    setBusy(true);
    await run().catch((cause: unknown) => notifyError(failure, cause));
    setBusy(false);
  };
  return (
    <button
      type="button"
      class={`button ${tone ?? ""} ${small ? "small" : ""}`}
      disabled={disabled}
      // Not `disabled`, which would take the focus away.
      aria-disabled={busy}
      aria-busy={busy}
      title={title}
      onClick={() => void start()}
    >
      {busy && <span class="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}
