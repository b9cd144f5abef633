// Bytes to be typed: as text, as JSON that is checked, in hexadecimal, or as base64.
import { bytes as size } from "../lib/format";
import {
  type Parsed,
  asText,
  indentJson,
  jsonProblem,
  parseBase64,
  parseHex,
  toBase64,
  toBytes,
  toHex,
} from "../lib/payload";
import { Field } from "./Field";
import "./message.css";

export type Spelling = "text" | "JSON" | "hex" | "base64";

export interface Draft {
  as: Spelling;
  text: string;
}

/** What is typed, as bytes; or what is wrong with it. */
export function bytesOf({ as, text }: Draft): Parsed {
  if (as === "hex") return parseHex(text);
  if (as === "base64") return parseBase64(text);
  const problem = as === "JSON" ? jsonProblem(text) : null;
  if (problem !== null) return { bytes: null, problem: `This is not JSON: ${problem}` };
  return { bytes: toBytes(text), problem: null };
}

/** The same bytes in another spelling; what cannot be read is kept, for its author to mend. */
export function respelled(draft: Draft, as: Spelling): Draft {
  const { bytes } = bytesOf(draft.as === "JSON" ? { ...draft, as: "text" } : draft);
  return bytes === null ? { as, text: draft.text } : draftOf(bytes, as);
}

/** Bytes that are no text are spelled in hexadecimal. */
export function draftOf(bytes: Uint8Array, as: Spelling): Draft {
  if (as === "base64") return { as, text: toBase64(bytes) };
  const text = as === "hex" ? null : asText(bytes);
  return text === null || hasUnevenLines(text) ? { as: "hex", text: toHex(bytes) } : { as, text };
}

/** A text area knows one kind of line end. Where all are CR LF they are put back; anything else would be lost in it. */
const hasUnevenLines = (text: string): boolean => text.includes("\r") && /\r(?!\n)|(?<!\r)\n/.test(text);
const withLineEndsOf = (before: string, typed: string): string =>
  before.includes("\r\n") ? typed.replace(/\r?\n/g, "\r\n") : typed;

export interface BytesInputProps {
  label: string;
  draft: Draft;
  onChange: (draft: Draft) => void;
  spellings: readonly Spelling[];
  bytesMax: number;
}

export function BytesInput({ label, draft, onChange, spellings, bytesMax }: BytesInputProps) {
  const { bytes, problem } = bytesOf(draft);
  const tooLong = bytes !== null && bytes.length > bytesMax ? `It is longer than ${size(bytesMax)}.` : null;
  const looksLikeJson = draft.as === "text" && /^\s*[[{]/.test(draft.text) && jsonProblem(draft.text) !== null;
  const hint = bytes !== null && `${size(bytes.length)}${looksLikeJson ? "; not valid JSON, sent as it is" : ""}`;
  return (
    <div class="bytes-input">
      <div class="row">
        <div class="switch" role="group" aria-label={`${label} as`}>
          {spellings.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === draft.as}
              onClick={() => onChange(respelled(draft, one))}
            >
              {one}
            </button>
          ))}
        </div>
        {draft.as === "JSON" && (
          <button
            type="button"
            class="link small"
            disabled={problem !== null}
            onClick={() => onChange({ as: "JSON", text: indentJson(draft.text) })}
          >
            Indent
          </button>
        )}
      </div>
      <Field label={label} hint={hint} error={problem ?? tooLong}>
        {(aria) => (
          <textarea
            {...aria}
            rows={6}
            spellcheck={false}
            value={draft.text}
            onInput={(event) => onChange({ ...draft, text: withLineEndsOf(draft.text, event.currentTarget.value) })}
          />
        )}
      </Field>
    </div>
  );
}
