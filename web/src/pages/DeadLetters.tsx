// Messages that functions could not handle, kept until somebody decides.
import { useComputed } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { withQuery } from "../api/client";
import { live } from "../api/live";
import { usePages } from "../api/pages";
import { useResource } from "../api/resource";
import type { DeadLetter, InboxSnapshot } from "../api/types";
import { count } from "../lib/format";
import { focusHeading } from "../lib/focus";
import { query, setQuery } from "../lib/location";
import { ActionButton } from "../parts/ActionButton";
import { EmptyState } from "../parts/EmptyState";
import { Loaded } from "../parts/Loaded";
import { MqttOff, isMqttOff } from "../parts/MqttOff";
import { Page, Section } from "../parts/Page";
import { AllActions } from "./dead-letters/AllActions";
import { LetterDialog } from "./dead-letters/LetterDialog";
import { LettersTable } from "./dead-letters/LettersTable";
import "../parts/message.css";

interface LetterPage {
  dead_letters: DeadLetter[];
  cursor?: string | null;
}

const rowsOf = ({ dead_letters }: LetterPage): DeadLetter[] => dead_letters;
const RELOAD_AFTER_MS = 300;
/** Whatever the events say: a letter may take its time to be on disk, and nobody tells of one that is gone. */
const REFRESH_MS = 5000;

export default function DeadLetters() {
  const only = query.value.get("function");
  const list = usePages(withQuery("/broker/dead-letters", { function: only }), rowsOf, REFRESH_MS);
  const inboxes = useResource<{ inboxes: InboxSnapshot[] }>("/broker/inboxes");
  const [chosen, setChosen] = useState<DeadLetter | null>(null);

  // A host where everything fails sends many of them: what they have in common is one reading.
  const newest = useComputed(
    () => live.items.value.findLast(({ type, data }) => type === "broker" && data.action === "dead_letter")?.seq ?? 0,
  ).value;
  useEffect(() => {
    if (newest === 0) return undefined;
    const timer = setTimeout(list.reload, RELOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [newest]);

  const functions = useMemo(() => {
    const names = [
      ...(only ? [only] : []),
      ...(inboxes.data?.inboxes ?? []).map((one) => one.function),
      ...(list.data ?? []).map((one) => one.function),
    ];
    return [...new Set(names)].sort();
  }, [only, inboxes.data, list.data]);

  if (isMqttOff(list)) {
    return (
      <Page title="Dead letters">
        <MqttOff />
      </Page>
    );
  }
  const changed = () => {
    setChosen(null);
    list.reload();
    focusHeading();
  };
  return (
    <Page
      title="Dead letters"
      actions={only && list.state === "data" && <AllActions name={only} onChanged={changed} />}
    >
      <Section
        title={only ? `Of ${only}` : "Of all functions"}
        actions={
          functions.length > 0 && (
            <label class="row">
              <span>Function</span>
              <select
                class="letters-function"
                value={only ?? ""}
                onChange={(event) => setQuery("function", event.currentTarget.value || null)}
              >
                <option value="">All</option>
                {functions.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )
        }
      >
        <Loaded resource={list} what="the dead letters" empty={<NoLetters name={only} />}>
          {(letters) => (
            <>
              <div class="letters">
                <LettersTable letters={letters} ofOne={only !== null} onOpen={setChosen} />
              </div>
              <div class="table-note row">
                <span class="quiet">
                  {list.more ? `The newest ${count(letters.length)}.` : `${count(letters.length)} in all.`}
                  {!only && " Choose a function to retry or drop all that it has."}
                </span>
                {list.more && (
                  <ActionButton small run={list.readMore} failure="Not read">
                    Show older ones
                  </ActionButton>
                )}
              </div>
            </>
          )}
        </Loaded>
      </Section>
      <LetterDialog letter={chosen} onClose={() => setChosen(null)} onChanged={changed} />
    </Page>
  );
}

function NoLetters({ name }: { name: string | null }) {
  return (
    <EmptyState
      title={name ? `${name} has no dead letters` : "No dead letters"}
      text={
        <>
          Every message was handled, or is still being tried. One becomes a dead letter when its function has failed on
          it as often as <code>attempts</code> in its manifest allows: then it waits here, on disk, to be looked at,
          tried again or dropped.
        </>
      }
      action={
        name && (
          <button type="button" class="button" onClick={() => setQuery("function", null)}>
            Show those of all functions
          </button>
        )
      }
    />
  );
}
