// What something does, one thing a line.
import { capital } from "../lib/format";
import type { Words } from "../lib/words";

/** As a sentence of its own it begins with a capital. */
export function InWords({ words: { does, what, then }, sentence = false }: { words: Words; sentence?: boolean }) {
  return (
    <>
      {sentence ? capital(does) : does} {what && <code>{what}</code>} {then}
    </>
  );
}

export interface WordListProps {
  words: readonly Words[];
  sign?: "+" | "−";
  sentences?: boolean;
}

export function WordList({ words, sign, sentences = false }: WordListProps) {
  return (
    <ul class={sign ? "word-list signed" : "word-list"}>
      {words.map((one) => (
        <li key={`${one.does} ${one.what} ${one.then}`} class="wrap">
          {sign && <span aria-hidden="true">{sign}</span>}
          <span>
            <InWords words={one} sentence={sentences} />
          </span>
        </li>
      ))}
    </ul>
  );
}
