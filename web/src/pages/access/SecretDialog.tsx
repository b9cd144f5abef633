// A secret is set: its value goes in and never comes out.
import { useState } from "preact/hooks";
import { path, put } from "../../api/client";
import { useSubmission } from "../../api/submission";
import { nameProblem } from "../../lib/checks";
import { bytes } from "../../lib/format";
import { Dialog } from "../../parts/Dialog";
import { Field, type FieldAria } from "../../parts/Field";
import { ProblemNotice } from "../../parts/Loaded";
import { notify } from "../../parts/Notices";

const SECRET_BYTES_MAX = 64 * 1024;

export interface SecretDialogProps {
  /** "": one with another name. Null: closed. */
  name: string | null;
  onClose: () => void;
  onSet: () => void;
}

export function SecretDialog({ name, onClose, onSet }: SecretDialogProps) {
  return (
    <Dialog open={name !== null} title={name ? `A new value for ${name}` : "Set a secret"} onClose={onClose}>
      <SecretFields name={name ?? ""} onClose={onClose} onSet={onSet} />
    </Dialog>
  );
}

function SecretFields({ name: given, onClose, onSet }: SecretDialogProps & { name: string }) {
  const [name, setName] = useState(given);
  const [value, setValue] = useState("");
  const [visible, setVisible] = useState(false);
  const [tried, setTried] = useState(false);
  const { busy, error, send } = useSubmission();
  const problems = { name: nameProblem(name), value: valueProblem(value) };
  const atValue = error?.code === "secret_invalid" || error?.code === "body_too_large";
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (problems.name || problems.value) return;
    void send(async () => {
      await put(path`/secrets/${name}`, new Blob([value]));
      notify("ok", `The secret ${name} is set`);
      onSet();
      onClose();
    });
  };
  const control = (aria: FieldAria) => ({
    ...aria,
    value,
    autocomplete: "off" as const,
    spellcheck: false,
    onInput: (event: { currentTarget: { value: string } }) => setValue(event.currentTarget.value),
  });
  return (
    <form class="stack" noValidate onSubmit={submit}>
      {!given && (
        <Field
          label="Name"
          hint="A function gets it when its manifest has this name among grants.secrets."
          error={((tried || name) && problems.name) || null}
        >
          {(aria) => (
            <input
              {...aria}
              value={name}
              required
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      <Field
        label="Value"
        hint="It is never shown again. Functions have it from their next invocation on."
        error={(tried && problems.value) || (atValue ? (error?.detail ?? null) : null)}
      >
        {(aria) =>
          visible ? (
            <textarea rows={5} {...control(aria)} />
          ) : (
            <input {...control(aria)} type="password" autocomplete="new-password" />
          )
        }
      </Field>
      <label class="check">
        <input type="checkbox" checked={visible} onChange={(event) => setVisible(event.currentTarget.checked)} />
        Show it while it is entered; it may then have several lines
      </label>
      {error && !atValue && <ProblemNotice error={error} />}
      <div class="actions end">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={busy} aria-busy={busy}>
          Set
        </button>
      </div>
    </form>
  );
}

function valueProblem(value: string): string | null {
  const size = new TextEncoder().encode(value).length;
  if (size === 0) return "Enter its value.";
  return size > SECRET_BYTES_MAX ? `It has ${bytes(size)}; ${bytes(SECRET_BYTES_MAX)} is the most.` : null;
}
