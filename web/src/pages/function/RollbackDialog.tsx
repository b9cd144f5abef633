// Makes an older revision the active one, after saying what that changes.
import { path, post } from "../../api/client";
import type { FunctionSummary, Revision } from "../../api/types";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { RelativeTime } from "../../parts/RelativeTime";
import { RevisionDiff } from "./RevisionDiff";
import { compare } from "./diff";

export interface RollbackDialogProps {
  name: string;
  serving: Revision;
  /** Null: closed. */
  target: Revision | null;
  onDone: () => void;
  onClose: () => void;
}

export function RollbackDialog({ name, serving, target, onDone, onClose }: RollbackDialogProps) {
  const rollBack = async () => {
    if (!target) return;
    await post<FunctionSummary>(path`/functions/${name}/rollback`, { revision: target.revision });
    onDone();
  };
  return (
    <ConfirmDialog
      open={target !== null}
      title={`Roll ${name} back to revision ${target?.revision ?? ""}?`}
      action="Roll back"
      onConfirm={rollBack}
      onClose={onClose}
      text={
        target && (
          <div class="stack">
            <p>
              Revision {target.revision}, deployed <RelativeTime at={target.created_at} /> by {target.created_by},
              serves what comes from now on. What runs on revision {serving.revision} finishes there, and that revision
              is kept. This changes:
            </p>
            <RevisionDiff groups={compare(serving, target)} />
          </div>
        )
      }
    />
  );
}
