// The component and its manifest: where they are dropped, and which ones they are.
import { bytes } from "../../lib/format";
import { CodeLine } from "../../parts/CodeLine";
import { Icon } from "../../parts/Icon";
import { Prose } from "../../parts/Prose";
import { component, fileProblems, manifest } from "./draft";
import { FileInput } from "./FileInput";

export interface FilesProps {
  onFiles: (files: readonly File[]) => void;
  over: boolean;
}

export function DropZone({ onFiles, over }: FilesProps) {
  return (
    <div class={over ? "drop-zone over" : "drop-zone"}>
      <Icon name="deploy" size={40} />
      <p class="empty-title">{over ? "Let go to have a look at it" : "Drop a WebAssembly component anywhere here"}</p>
      <p class="quiet">
        A <code>.wasm</code> file, with a manifest (<code>.toml</code>) beside it or without. Nothing is deployed before
        you have seen what it does.
      </p>
      <FileInput onFiles={onFiles} primary>
        Choose files
      </FileInput>
      <FileProblems />
    </div>
  );
}

export function OtherWays() {
  return (
    <div class="stack other-ways">
      <CodeLine label="The same on the command line:" command="tidegate deploy hello.wasm" />
      <CodeLine
        label="No component yet? This makes a folder with one to begin from:"
        command="tidegate new hello --lang js"
      />
    </div>
  );
}

export function FileProblems() {
  if (fileProblems.value.length === 0) return null;
  return (
    <div class="notice bad" role="alert">
      <Icon name="cross" />
      <div class="grow">
        {fileProblems.value.map((text) => (
          <p key={text}>
            <Prose text={text} />
          </p>
        ))}
      </div>
    </div>
  );
}

export function ChosenFiles({ onFiles, over, disabled }: FilesProps & { disabled: boolean }) {
  const chosen = component.value;
  const part = manifest.value;
  return (
    <div class={over ? "chosen over" : "chosen"}>
      <ul>
        <li>
          <Icon name="deploy" />
          <span class="grow wrap">
            {chosen ? (
              <>
                <strong>{chosen.fileName}</strong> <span class="quiet num">{bytes(chosen.blob.size)}</span>
              </>
            ) : (
              <span class="quiet">No component yet: drop or choose its .wasm file</span>
            )}
          </span>
          <FileInput onFiles={onFiles} accept=".wasm,.toml" small disabled={disabled}>
            {chosen ? "Choose another" : "Choose"}
          </FileInput>
        </li>
        <li>
          <Icon name="settings" />
          <span class="grow wrap">
            {part ? (
              <>
                <strong>{part.fileName}</strong> <span class="quiet">manifest</span>
              </>
            ) : (
              <span class="quiet">
                No manifest beside it. It may have one inside, and what is entered here adds to it.
              </span>
            )}
          </span>
          {part ? (
            <button type="button" class="button small" disabled={disabled} onClick={() => (manifest.value = null)}>
              Leave out
            </button>
          ) : (
            <FileInput onFiles={onFiles} accept=".toml" small disabled={disabled}>
              Add
            </FileInput>
          )}
        </li>
      </ul>
      {part && (
        <details>
          <summary>Show the manifest</summary>
          <pre class="manifest-text" tabIndex={0} role="group" aria-label="The manifest">
            {part.text}
          </pre>
        </details>
      )}
      <FileProblems />
    </div>
  );
}
