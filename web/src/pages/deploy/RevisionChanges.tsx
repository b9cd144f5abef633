// What another revision takes away from a running function and adds to it. A manifest is not inherited, which is easily
// forgotten, so that it can be carried over.
import type { DryRun, FunctionDetail } from "../../api/types";
import { setManifestText } from "./draft";
import type { ManifestFile } from "./files";
import { manifestText } from "./toml";
import { WordList } from "../../parts/InWords";
import { difference } from "./difference";

export interface RevisionChangesProps {
  running: FunctionDetail;
  result: DryRun;
  /** The manifest that is sent along already. */
  carried: ManifestFile | null;
}

export function RevisionChanges({ running, result, carried }: RevisionChangesProps) {
  const { gone, added } = difference(running, result);
  if (gone.length + added.length === 0) return null;
  const keep = () => setManifestText(`manifest of revision ${running.revision}`, manifestText(running.manifest));
  return (
    <div class="revision-changes">
      {gone.length > 0 && (
        <div>
          <h3>Other than revision {running.revision}, it no longer</h3>
          <WordList words={gone} sign="−" />
          {!carried && (
            <button type="button" class="button small" onClick={keep}>
              Keep what revision {running.revision} has
            </button>
          )}
        </div>
      )}
      {added.length > 0 && (
        <div>
          <h3>{gone.length > 0 ? "New is that it" : `Other than revision ${running.revision}, it`}</h3>
          <WordList words={added} sign="+" />
        </div>
      )}
    </div>
  );
}
