import { Icon } from "../../parts/Icon";

export interface RunButtonProps {
  busy: boolean;
  disabled?: boolean;
  children: string;
}

/** Submits the form of a trial. */
export function RunButton({ busy, disabled = false, children }: RunButtonProps) {
  return (
    <button type="submit" class="button primary" disabled={busy || disabled} aria-busy={busy}>
      {busy ? <span class="spinner" aria-hidden="true" /> : <Icon name="play" size={14} />}
      {busy ? "It runs …" : children}
    </button>
  );
}
