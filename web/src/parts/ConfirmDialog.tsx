// Before something is gone for good: its name has to be typed.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useSubmission } from "../api/submission";
import { Dialog } from "./Dialog";
import { Field } from "./Field";
import { ProblemNotice } from "./Loaded";

export interface ConfirmDialogProps {
  open: boolean;
  title: string;
  /** What happens, and what cannot be brought back. */
  text: ComponentChildren;
  /** Has to be typed. Left out: the button is enough. */
  name?: string;
  /** The verb on the button: "Delete". */
  action: string;
  /** Rejects with an ApiError: it is shown, and the dialog stays. */
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  return (
    <Dialog open={props.open} title={props.title} onClose={props.onClose}>
      <Confirmation {...props} />
    </Dialog>
  );
}

function Confirmation({ text, name, action, onConfirm, onClose }: ConfirmDialogProps) {
  const [typed, setTyped] = useState("");
  const { busy, error, send } = useSubmission();
  const confirmed = name === undefined || typed === name;
  const submit = (event: Event) => {
    event.preventDefault();
    if (confirmed) void send(() => onConfirm().then(onClose));
  };
  return (
    <form class="stack" onSubmit={submit}>
      <div>{text}</div>
      {error && <ProblemNotice error={error} />}
      {name !== undefined && (
        <Field label={`Type ${name} to confirm`}>
          {(aria) => (
            <input
              {...aria}
              value={typed}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      <div class="actions end">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button danger" disabled={!confirmed || busy} aria-busy={busy}>
          {action}
        </button>
      </div>
    </form>
  );
}
