// Deletes a function; where messages still wait for it, asks what becomes of them.
import { useEffect, useState } from "preact/hooks";
import { ApiError, del, path, withQuery } from "../../api/client";
import { go } from "../../lib/location";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { notify } from "../../parts/Notices";

type Disposal = "keep" | "drop";

export interface DeleteDialogProps {
  name: string;
  open: boolean;
  onClose: () => void;
}

export function DeleteDialog({ name, open, onClose }: DeleteDialogProps) {
  const [messagesWait, setMessagesWait] = useState(false);
  const [disposal, setDisposal] = useState<Disposal>("keep");
  useEffect(() => {
    if (open) setMessagesWait(false);
  }, [open]);
  const remove = async () => {
    try {
      await del(withQuery(path`/functions/${name}`, { inbox: messagesWait ? disposal : null }));
    } catch (cause) {
      if (!(cause instanceof ApiError) || cause.code !== "inbox_not_empty") throw cause;
      setMessagesWait(true);
      const detail = "Messages or dead letters of this function wait. Choose what becomes of them, then delete again.";
      throw new ApiError(cause.status, cause.code, detail, cause.request_id);
    }
    notify("ok", `${name} is deleted`);
    go("#/");
  };
  return (
    <ConfirmDialog
      open={open}
      title={`Delete ${name}?`}
      name={name}
      action="Delete"
      onConfirm={remove}
      onClose={onClose}
      text={
        <div class="stack">
          <p>
            Nothing starts it any more: its routes answer 404, its messages and schedules run nothing. All its revisions
            and logs are gone for good. Buckets and databases stay.
          </p>
          {messagesWait && <InboxChoice value={disposal} onChange={setDisposal} />}
        </div>
      }
    />
  );
}

const choices: Record<Disposal, [string, string]> = {
  keep: ["Keep them", "A function that is deployed by this name later gets them."],
  drop: ["Drop them", "Waiting messages and dead letters are gone for good."],
};

function InboxChoice({ value, onChange }: { value: Disposal; onChange: (chosen: Disposal) => void }) {
  return (
    <fieldset class="choice">
      <legend>Messages that wait for it</legend>
      {(Object.keys(choices) as Disposal[]).map((one) => (
        <label key={one} class="check">
          <input type="radio" name="inbox" checked={one === value} onChange={() => onChange(one)} />
          <span>
            <strong>{choices[one][0]}</strong> <span class="quiet">{choices[one][1]}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
