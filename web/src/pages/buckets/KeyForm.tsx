// Writing a value: typed, or from a file; for good, or for a while.
import { useState } from "preact/hooks";
import { get, path, put, withQuery } from "../../api/client";
import { useSubmission } from "../../api/submission";
import { durationProblem } from "../../lib/checks";
import { bytes as size, dateTime } from "../../lib/format";
import { now } from "../../lib/now";
import { visible } from "../../lib/payload";
import { BytesInput, type Draft, bytesOf, draftOf } from "../../parts/BytesInput";
import { Field } from "../../parts/Field";
import { ProblemNotice } from "../../parts/Loaded";
import { notify } from "../../parts/Notices";
import { VALUE_BYTES_MAX, keyPath, keyProblem } from "./keys";
import { remaining } from "./expiry";
import type { Value } from "./useValue";

/** Longer ones are replaced by a file, not typed. */
const TYPED_BYTES_MAX = 64 * 1024;

interface Whole {
  bytes: Uint8Array<ArrayBuffer>;
  from: string;
}

export interface KeyFormProps {
  bucket: string;
  /** Left out: a new key. */
  name?: string;
  value?: Value;
  prefix: string;
  onSaved: () => void;
  onCancel: () => void;
}

export function KeyForm({ bucket, name, value, prefix, onSaved, onCancel }: KeyFormProps) {
  const [key, setKey] = useState(name ?? prefix);
  const [draft, setDraft] = useState<Draft>(() => firstDraft(value));
  const [whole, setWhole] = useState<Whole | null>(() => (value ? tooLongToType(value.bytes, "what is stored") : null));
  const [ttl, setTtl] = useState(() => remaining(value?.expires_at, now.peek()));
  const [replaces, setReplaces] = useState<string | null>(null);
  const { busy, error, send } = useSubmission();

  const parsed = whole ? { bytes: whole.bytes, problem: null } : bytesOf(draft);
  const wrongKey = keyProblem(key);
  const wrongTtl = ttl ? durationProblem(ttl) : null;
  const fits = parsed.bytes !== null && parsed.bytes.length <= VALUE_BYTES_MAX;
  const ready = fits && wrongKey === null && wrongTtl === null && !busy;
  const replacing = replaces === key;

  const save = async () => {
    if (name === undefined && !replacing && (await exists(bucket, key))) {
      setReplaces(key);
      return;
    }
    await put(withQuery(keyPath(bucket, key), { ttl: ttl.replaceAll(" ", "") }), parsed.bytes ?? "");
    notify("ok", name === undefined ? "Created" : "Saved", visible(key));
    onSaved();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (ready) void send(save);
  };
  const load = async (file: File | undefined) => {
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    setWhole(tooLongToType(bytes, file.name));
    setDraft(bytes.length > TYPED_BYTES_MAX ? { as: "text", text: "" } : firstDraft({ bytes, expires_at: null }));
  };
  return (
    <form class="stack" onSubmit={submit}>
      {name === undefined && (
        <Field label="Key" error={key === prefix ? null : wrongKey} hint="Use / for levels, as in readings/boiler-1.">
          {(aria) => (
            <input
              {...aria}
              value={key}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {whole ? (
        <p>
          {size(whole.bytes.length)} from <span class="verbatim">{whole.from}</span>: too much to be typed. Choose
          another file, or{" "}
          <button type="button" class="link" onClick={() => setWhole(null)}>
            type a new value
          </button>
          .
        </p>
      ) : (
        <BytesInput
          label="Value"
          draft={draft}
          onChange={setDraft}
          spellings={["text", "JSON", "hex", "base64"]}
          bytesMax={VALUE_BYTES_MAX}
        />
      )}
      {whole && !fits && <p class="field-error">A value has at most {size(VALUE_BYTES_MAX)}.</p>}
      <Field label="Take the value from a file">
        {(aria) => <input {...aria} type="file" onChange={(event) => void load(event.currentTarget.files?.[0])} />}
      </Field>
      <Field
        label="Expires after"
        error={wrongTtl}
        hint={
          value?.expires_at
            ? `Counted from when it is saved, as in 15m, 12h or 30d. Now it would expire at ${dateTime(value.expires_at)}. Leave it empty to keep the key for good.`
            : "As in 15m, 12h or 30d. Leave it empty to keep the key for good."
        }
      >
        {(aria) => (
          <input
            {...aria}
            class="short-input"
            value={ttl}
            placeholder="never"
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setTtl(event.currentTarget.value.trim())}
          />
        )}
      </Field>
      {replacing && (
        <p class="notice warn" role="alert">
          <span class="grow">
            There is a key of this name. Save again to replace its value, or choose another name.
          </span>
        </p>
      )}
      {error && <ProblemNotice error={error} />}
      <div class="actions end">
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={!ready} aria-busy={busy}>
          {replacing ? "Replace" : name === undefined ? "Create" : "Save"}
        </button>
      </div>
    </form>
  );
}

function firstDraft(value: Value | undefined): Draft {
  if (!value || value.bytes.length > TYPED_BYTES_MAX) return { as: "text", text: "" };
  const draft = draftOf(value.bytes, "text");
  return draft.as === "text" && /^\s*[[{]/.test(draft.text) && bytesOf({ ...draft, as: "JSON" }).problem === null
    ? { ...draft, as: "JSON" }
    : draft;
}

const tooLongToType = (bytes: Uint8Array<ArrayBuffer>, from: string): Whole | null =>
  bytes.length > TYPED_BYTES_MAX ? { bytes, from } : null;

/** Keys come in the order of their bytes: of those that begin with it, the key itself is the first. */
async function exists(bucket: string, key: string): Promise<boolean> {
  const { keys } = await get<{ keys: string[] }>(withQuery(path`/buckets/${bucket}/keys`, { prefix: key }));
  return keys[0] === key;
}
