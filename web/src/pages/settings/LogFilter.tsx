// What the host writes into its own log, changed while it runs.
import { useState } from "preact/hooks";
import { put } from "../../api/client";
import { useSubmission } from "../../api/submission";
import { useResource } from "../../api/resource";
import { can } from "../../api/session";
import { Field } from "../../parts/Field";
import { Loaded, ProblemNotice } from "../../parts/Loaded";
import { notify } from "../../parts/Notices";
import { Section } from "../../parts/Page";

interface Filter {
  filter: string;
}

const EXAMPLES: readonly { filter: string; what: string }[] = [
  { filter: "info", what: "as it usually is" },
  { filter: "info,function=debug", what: "also what functions log in detail" },
  { filter: "warn", what: "only what went wrong" },
];

export function LogFilter() {
  const resource = useResource<Filter>("/log-filter");
  return (
    <Section title="Log of the host">
      <Loaded resource={resource} what="the log filter">
        {(current) =>
          can.administer.value ? (
            <FilterForm key={current.filter} current={current.filter} onChanged={resource.reload} />
          ) : (
            <p>
              What is logged: <code>{current.filter}</code>. <span class="quiet">Only an admin changes it.</span>
            </p>
          )
        }
      </Loaded>
    </Section>
  );
}

function FilterForm({ current, onChanged }: { current: string; onChanged: () => void }) {
  const [text, setText] = useState(current);
  const { busy, error, send, forgetError } = useSubmission();
  const atField = error?.status === 400;
  const submit = (event: Event) => {
    event.preventDefault();
    void send(async () => {
      const { filter } = await put<Filter>("/log-filter", { filter: text.trim() });
      notify("ok", "What is logged was changed", filter);
      onChanged();
    });
  };
  return (
    <form class="stack log-filter" onSubmit={submit}>
      <Field
        label="Log filter"
        hint="A level (error, warn, info, debug, trace, off), or levels by part of the host. It holds until the host is started anew; TIDEGATE_LOG sets it from then on."
        error={atField ? error.detail : null}
      >
        {(aria) => (
          <input
            {...aria}
            class="mono"
            value={text}
            required
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            onInput={(event) => (setText(event.currentTarget.value), forgetError())}
          />
        )}
      </Field>
      <ul class="examples" aria-label="Examples">
        {EXAMPLES.map(({ filter, what }) => (
          <li key={filter}>
            <button type="button" class="link" onClick={() => (setText(filter), forgetError())}>
              <code>{filter}</code>
            </button>{" "}
            <span class="quiet">{what}</span>
          </li>
        ))}
      </ul>
      {error && !atField && <ProblemNotice error={error} />}
      <div class="actions">
        <button
          type="submit"
          class="button primary"
          disabled={busy || !text.trim() || text.trim() === current}
          aria-busy={busy}
        >
          Change
        </button>
      </div>
    </form>
  );
}
