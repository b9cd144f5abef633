// What is said beside the files: triggers, grants and limits. All of it adds to the manifest.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { DryRun, FunctionLimits } from "../../api/types";
import { dateTime } from "../../lib/format";
import { Field } from "../../parts/Field";
import { form, name, problems, setField } from "./draft";
import type { LimitField, ListField } from "./form";
import { durationText, sizeText } from "./quantities";
import type { Placed } from "./refusal";
import { Repeated } from "./Repeated";
import "./fields.css";

export interface FieldsProps {
  /** Of the last dry run that passed. */
  result: DryRun | null;
  placed: Placed | null;
  disabled: boolean;
}

export function TriggerFields({ result, placed, disabled }: FieldsProps) {
  const shared = { placed, disabled };
  return (
    <fieldset class="fields">
      <legend>What starts it</legend>
      <Repeated
        field="route"
        label="HTTP route"
        placeholder={`/${name.value || "name"}/{*rest}`}
        hint={
          <>
            <code>{"{device}"}</code> stands for one segment, a last <code>{"{*rest}"}</code> for all that is left.
            Empty: what the manifest says, else the name and all below it.
          </>
        }
        {...shared}
      />
      <Repeated
        field="topic"
        label="MQTT topic filter"
        placeholder="sensors/+/temperature"
        hint={
          <>
            <code>+</code> stands for one level, a last <code>#</code> for all that is left.
          </>
        }
        {...shared}
      />
      <Repeated
        field="schedule"
        label="Schedule"
        placeholder="*/5 * * * *"
        hint={<NextRuns result={result} />}
        {...shared}
      />
    </fieldset>
  );
}

function NextRuns({ result }: { result: DryRun | null }) {
  const next = result?.triggers.schedule.flatMap((one) => one.next_runs.slice(0, 3)) ?? [];
  if (next.length > 0) return <>Next: {next.map((time) => dateTime(time)).join(", ")}, by this machine's clock.</>;
  return <>Minute, hour, day of month, month, day of week, in UTC; with seconds before them where needed.</>;
}

const GRANTS: readonly ListField[] = ["bucket", "database", "publish", "outbound"];

export function GrantFields({ placed, disabled }: FieldsProps) {
  const shared = { placed, disabled };
  return (
    <Disclosure title="What it may use" fields={GRANTS} placed={placed}>
      <p class="quiet">
        It gets nothing that is not granted, here or in its manifest. Secrets are granted in the manifest alone.
      </p>
      <Repeated
        field="bucket"
        label="Bucket"
        placeholder="default"
        hint={
          <>
            With <code>:ro</code> behind it, to read only.
          </>
        }
        {...shared}
      />
      <Repeated field="publish" label="Topics to publish to" placeholder="alerts/#" {...shared} />
      <Repeated
        field="outbound"
        label="Outbound connections"
        placeholder="https://api.example.com"
        hint={
          <>
            Scheme and host, as in <code>http://*.plant.local:8080</code> or <code>tcp://10.0.0.7:502</code>.
          </>
        }
        {...shared}
      />
      <Repeated field="database" label="SQL database" placeholder="default" {...shared} />
    </Disclosure>
  );
}

const LIMITS: readonly {
  field: LimitField;
  label: string;
  hint: string;
  shown: (limits: FunctionLimits | null) => string;
}[] = [
  {
    field: "timeout",
    label: "Timeout",
    hint: "of one invocation, waiting included",
    shown: (at) => durationText(at?.timeout_ms ?? 30_000),
  },
  {
    field: "cpu",
    label: "CPU time",
    hint: "that one invocation computes",
    shown: (at) => durationText(at?.cpu_ms ?? 5000),
  },
  {
    field: "memory",
    label: "Memory",
    hint: "of one invocation",
    shown: (at) => sizeText(at?.memory_bytes ?? 64 * 1024 ** 2),
  },
  {
    field: "concurrency",
    label: "Concurrency",
    hint: "invocations at once; others wait",
    shown: (at) => String(at?.concurrency ?? 64),
  },
  { field: "rate", label: "Rate", hint: "HTTP requests in a time, as in 200/s", shown: (at) => at?.rate ?? "no limit" },
];

export function LimitFields({ result, placed, disabled }: FieldsProps) {
  return (
    <Disclosure title="Limits" fields={LIMITS.map(({ field }) => field)} placed={placed}>
      <p class="quiet">What is left empty stays as it is shown.</p>
      <div class="limit-fields">
        {LIMITS.map(({ field, label, hint, shown }) => (
          <Field
            key={field}
            label={label}
            hint={hint}
            error={problems.value.get(field) ?? (placed?.field === field ? placed.text : null)}
          >
            {(aria) => (
              <input
                {...aria}
                data-field={field}
                value={form.value[field]}
                placeholder={shown(result?.limits ?? null)}
                disabled={disabled}
                autocomplete="off"
                spellcheck={false}
                onInput={(event) => setField(field, event.currentTarget.value)}
              />
            )}
          </Field>
        ))}
      </div>
    </Disclosure>
  );
}

interface DisclosureProps {
  title: string;
  fields: readonly (ListField | LimitField)[];
  placed: Placed | null;
  children: ComponentChildren;
}

function Disclosure({ title, fields, placed, children }: DisclosureProps) {
  const filled = fields.flatMap((field) => form.value[field]).filter((text) => text.trim()).length;
  const [open, setOpen] = useState(filled > 0);
  const concerned = placed !== null && fields.some((field) => field === placed.field);
  // What is asked for must be seen.
  useEffect(() => {
    if (concerned) setOpen(true);
  }, [concerned]);
  return (
    <details class="disclosure" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{title}</h2>
        <span class="quiet">{filled > 0 ? `${filled} entered` : "optional"}</span>
      </summary>
      <div class="fields">{children}</div>
    </details>
  );
}
