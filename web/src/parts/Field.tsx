// A control with its label, its hint and its error, tied together for screen readers.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./Icon";
import { Prose } from "./Prose";

export interface FieldAria {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

export interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  /** Gets what has to be spread on the control. */
  children: (aria: FieldAria) => ComponentChildren;
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  const aria: FieldAria = { id };
  if (described) aria["aria-describedby"] = described;
  if (error) aria["aria-invalid"] = true;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(aria)}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          <Icon name="cross" size={12} /> <Prose text={error} />
        </p>
      )}
    </div>
  );
}
