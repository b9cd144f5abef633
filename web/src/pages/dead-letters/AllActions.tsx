// What can be done with all dead letters of one function.
import { useState } from "preact/hooks";
import { del, path, post } from "../../api/client";
import { can } from "../../api/session";
import { plural } from "../../lib/format";
import { ActionButton } from "../../parts/ActionButton";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { notify } from "../../parts/Notices";

export function AllActions({ name, onChanged }: { name: string; onChanged: () => void }) {
  const [dropping, setDropping] = useState(false);
  if (!can.deploy.value) return null;
  const retry = async () => {
    const { retried } = await post<{ retried: number }>(path`/broker/dead-letters/${name}/retry`);
    notify("ok", `${plural(retried, "message")} retried`, `The oldest first, in the inbox of ${name}.`);
    onChanged();
  };
  const drop = async () => {
    const { dropped } = await del<{ dropped: number }>(path`/broker/dead-letters/${name}`);
    notify("ok", `${plural(dropped, "dead letter")} of ${name} dropped`);
    onChanged();
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setDropping(true)}>
        Drop all
      </button>
      <ActionButton tone="primary" run={retry} failure="Not all were retried">
        Retry all
      </ActionButton>
      <ConfirmDialog
        open={dropping}
        title={`Drop all dead letters of ${name}?`}
        text={
          <p>All of its dead letters are gone for good, those of further pages too: no function will handle them.</p>
        }
        name={name}
        action="Drop all"
        onConfirm={drop}
        onClose={() => setDropping(false)}
      />
    </>
  );
}
