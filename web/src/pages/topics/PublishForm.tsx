// Publishing by hand, and the command line that does the same.
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import { bytes as size } from "../../lib/format";
import { publishProblem } from "../../lib/mqtt";
import { asText, toBase64, visible } from "../../lib/payload";
import { BytesInput, type Draft, bytesOf } from "../../parts/BytesInput";
import { CodeLine } from "../../parts/CodeLine";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Field } from "../../parts/Field";
import { notify, notifyError } from "../../parts/Notices";
import { ClearText, clearRetained } from "./NodeDetail";
import { publishLine } from "./lines";
import "./publish.css";

const PAYLOAD_BYTES_MAX = 256 * 1024;
/** A longer command line is of no use. */
const LINE_BYTES_MAX = 8 * 1024;

export interface PublishFormProps {
  /** To begin with. */
  topic: string;
  urls: readonly string[];
  onClose: () => void;
}

export function PublishForm({ topic: first, urls, onClose }: PublishFormProps) {
  const [topic, setTopic] = useState(first);
  const [draft, setDraft] = useState<Draft>({ as: "text", text: "" });
  const [qos, setQos] = useState(1);
  const [retain, setRetain] = useState(false);
  const [busy, setBusy] = useState(false);
  const [confirming, setConfirming] = useState(false);

  const problem = publishProblem(topic);
  const { bytes } = bytesOf(draft);
  const ready = problem === null && bytes !== null && bytes.length <= PAYLOAD_BYTES_MAX && !busy;
  const command =
    bytes !== null && bytes.length <= LINE_BYTES_MAX ? publishLine(urls, { topic, bytes, qos, retain }) : null;
  const clears = retain && bytes?.length === 0;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!ready) return;
    if (clears) return setConfirming(true);
    setBusy(true);
    const text = asText(bytes);
    const payload = text === null ? { payload_base64: toBase64(bytes) } : { payload: text };
    await post("/broker/publish", { topic, ...payload, qos, retain }).then(
      () => notify("ok", "Published", `${size(bytes.length)} to ${visible(topic)}`),
      (cause: unknown) => notifyError("Not published", cause),
    );
    setBusy(false);
  };
  return (
    <form class="publish" onSubmit={(event) => void submit(event)}>
      <div class="stack">
        <Field label="Topic" error={topic ? problem : null}>
          {(aria) => (
            <input
              {...aria}
              value={topic}
              placeholder="sensors/boiler-1/temperature"
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setTopic(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="publish-how">
          <Field label="QoS">
            {(aria) => (
              <select {...aria} value={qos} onChange={(event) => setQos(Number(event.currentTarget.value))}>
                <option value={0}>0: at most once</option>
                <option value={1}>1: at least once</option>
                <option value={2}>2: exactly once</option>
              </select>
            )}
          </Field>
          <label class="check">
            <input type="checkbox" checked={retain} onChange={(event) => setRetain(event.currentTarget.checked)} />
            Retain: later subscribers get it too
          </label>
        </div>
      </div>
      <BytesInput
        label="Payload"
        draft={draft}
        onChange={setDraft}
        spellings={["text", "hex", "base64"]}
        bytesMax={PAYLOAD_BYTES_MAX}
      />
      <div class="stack publish-whole">
        {command !== null && <CodeLine label="The same on the command line:" command={command} />}
        <div class="actions">
          <button type="submit" class={clears ? "button danger" : "button primary"} disabled={!ready} aria-busy={busy}>
            {clears ? "Clear the retained message" : "Publish"}
          </button>
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
      <ConfirmDialog
        open={confirming}
        title="Clear the retained message?"
        text={<ClearText topic={topic} />}
        action="Clear"
        onConfirm={() => clearRetained(topic)}
        onClose={() => setConfirming(false)}
      />
    </form>
  );
}
