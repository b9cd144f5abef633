// One dead letter in full, and what can be done with it.
import { useState } from "preact/hooks";
import { del, path, post } from "../../api/client";
import { useResource } from "../../api/resource";
import { can } from "../../api/session";
import type { DeadLetter, Message } from "../../api/types";
import { count, dateTime } from "../../lib/format";
import { to } from "../../lib/location";
import { visible } from "../../lib/payload";
import { ActionButton } from "../../parts/ActionButton";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Dialog } from "../../parts/Dialog";
import { Loaded } from "../../parts/Loaded";
import { MessageView } from "../../parts/MessageView";
import { notify } from "../../parts/Notices";
import { RelativeTime } from "../../parts/RelativeTime";

type WholeLetter = DeadLetter & { message: Message };

export interface LetterDialogProps {
  /** Null: the dialog is closed. */
  letter: DeadLetter | null;
  onClose: () => void;
  /** It was retried or dropped. */
  onChanged: () => void;
}

export function LetterDialog({ letter, onClose, onChanged }: LetterDialogProps) {
  const [dropping, setDropping] = useState<DeadLetter | null>(null);
  return (
    <>
      <Dialog open={letter !== null} title="Dead letter" onClose={onClose} wide>
        {letter && <Letter letter={letter} onDrop={() => setDropping(letter)} onChanged={onChanged} />}
      </Dialog>
      <ConfirmDialog
        open={dropping !== null}
        title="Drop this dead letter?"
        text={<p>The message is gone for good: no function will handle it.</p>}
        action="Drop"
        onConfirm={async () => {
          if (!dropping) return;
          await del(at(dropping));
          notify("ok", "Dropped", `A message on ${visible(dropping.topic)}`);
          onChanged();
        }}
        onClose={() => setDropping(null)}
      />
    </>
  );
}

const at = ({ function: name, id }: DeadLetter): string => path`/broker/dead-letters/${name}/${id}`;

interface LetterProps {
  letter: DeadLetter;
  onDrop: () => void;
  onChanged: () => void;
}

function Letter({ letter, onDrop, onChanged }: LetterProps) {
  const whole = useResource<WholeLetter>(at(letter));
  const retry = async () => {
    await post(`${at(letter)}/retry`);
    notify(
      "ok",
      "Retried",
      `The message is in the inbox of ${letter.function} again. If that fails as often as before, it comes back here.`,
    );
    onChanged();
  };
  return (
    <div class="stack">
      <dl class="facts">
        <div class="whole">
          <dt>Why {letter.function} could not handle it</dt>
          <dd class="letter-why verbatim">{letter.reason}</dd>
        </div>
        <div>
          <dt>Function</dt>
          <dd>
            <a href={to`/functions/${letter.function}`}>{letter.function}</a>
          </dd>
        </div>
        <div>
          <dt>Topic</dt>
          <dd class="verbatim">
            <a href={`#/topics?filter=${encodeURIComponent(letter.topic)}`}>{visible(letter.topic)}</a>
          </dd>
        </div>
        <div>
          <dt>Matched</dt>
          <dd class="verbatim">{visible(letter.filter)}</dd>
        </div>
        <div>
          <dt>Attempts</dt>
          <dd class="num">{count(letter.attempts)}</dd>
        </div>
        {letter.first_attempt_at && (
          <div>
            <dt>First attempt</dt>
            <dd class="num">{dateTime(letter.first_attempt_at)}</dd>
          </div>
        )}
        <div>
          <dt>Last attempt</dt>
          <dd class="num">
            {dateTime(letter.last_attempt_at)}, <RelativeTime at={letter.last_attempt_at} />
          </dd>
        </div>
      </dl>
      <h3>Message</h3>
      <Loaded resource={whole} what="the message">
        {({ message }) => <MessageView message={message} fileName={`dead-letter-${letter.function}-${letter.id}`} />}
      </Loaded>
      {can.deploy.value && (
        <div class="actions end">
          <button type="button" class="button" onClick={onDrop}>
            Drop
          </button>
          <ActionButton tone="primary" run={retry} failure="Not retried">
            Retry
          </ActionButton>
        </div>
      )}
    </div>
  );
}
