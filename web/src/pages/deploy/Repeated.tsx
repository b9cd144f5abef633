// A field of which there may be several: the first is a plain one, others come by a button.
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon } from "../../parts/Icon";
import { Prose } from "../../parts/Prose";
import { problems, setField, form } from "./draft";
import type { ListField } from "./form";
import type { Placed } from "./refusal";

export interface RepeatedProps {
  field: ListField;
  label: string;
  placeholder: string;
  hint?: ComponentChildren;
  /** What the host said of it. */
  placed?: Placed | null;
  disabled: boolean;
}

export function Repeated({ field, label, placeholder, hint, placed, disabled }: RepeatedProps) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const values = form.value[field].length > 0 ? form.value[field] : [""];
  const focus = (index: number) =>
    requestAnimationFrame(() => box.current?.querySelectorAll("input")[Math.max(0, index)]?.focus());
  const change = (index: number, text: string) => setField(field, values.with(index, text));
  const remove = (index: number) => {
    setField(field, values.toSpliced(index, 1));
    focus(index - 1);
  };
  const add = () => {
    setField(field, [...values, ""]);
    focus(values.length);
  };
  const said = placed?.field === field ? placed : null;
  return (
    <div class="field" ref={box}>
      <label for={`${id}-0`}>{label}</label>
      {values.map((value, index) => {
        const error = problems.value.get(`${field}.${index}`) ?? (said?.index === index ? said.text : null);
        const described = [hint && index === 0 ? `${id}-hint` : "", error ? `${id}-error-${index}` : ""]
          .join(" ")
          .trim();
        return (
          <div key={index} class="repeated">
            <div class="repeated-row">
              <input
                id={`${id}-${index}`}
                data-field={field}
                aria-label={index > 0 ? `${label} ${index + 1}` : undefined}
                aria-describedby={described || undefined}
                aria-invalid={error ? true : undefined}
                value={value}
                placeholder={index === 0 ? placeholder : undefined}
                disabled={disabled}
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                onInput={(event) => change(index, event.currentTarget.value)}
              />
              {values.length > 1 && (
                <button
                  type="button"
                  class="icon-button"
                  aria-label={`Remove ${label} ${index + 1}`}
                  disabled={disabled}
                  onClick={() => remove(index)}
                >
                  <Icon name="cross" size={14} />
                </button>
              )}
            </div>
            {error && (
              <p class="field-error wrap" id={`${id}-error-${index}`}>
                <Icon name="cross" size={12} /> <Prose text={error} />
              </p>
            )}
          </div>
        );
      })}
      {said?.suggestion && !disabled && (
        <button type="button" class="button small suggestion" onClick={() => change(said.index, said.suggestion ?? "")}>
          Put in <code>{said.suggestion}</code>
        </button>
      )}
      {hint && (
        <p class="hint wrap" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {values.at(-1)?.trim() && !disabled && (
        <button type="button" class="link add-another" onClick={add}>
          Add another<span class="hidden"> {label}</span>
        </button>
      )}
    </div>
  );
}
