// What something does, one thing a line.
import type { Words } from "./words";

export function WordList({ words, sign }: { words: readonly Words[]; sign?: "+" | "−" }) {
  return (
    <ul class={sign ? "word-list signed" : "word-list"}>
      {words.map(({ does, what, then }) => (
        <li key={`${does} ${what} ${then ?? ""}`} class="wrap">
          {sign && <span aria-hidden="true">{sign}</span>}
          <span>
            {does} <code>{what}</code> {then}
          </span>
        </li>
      ))}
    </ul>
  );
}
