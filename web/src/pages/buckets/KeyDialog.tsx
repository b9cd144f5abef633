// One key: its value, shown and changed; or a new one.
import { useState } from "preact/hooks";
import { del } from "../../api/client";
import { can } from "../../api/session";
import { bytes as size, dateTime } from "../../lib/format";
import { visible } from "../../lib/payload";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Dialog } from "../../parts/Dialog";
import { EmptyState } from "../../parts/EmptyState";
import { Loaded } from "../../parts/Loaded";
import { notify } from "../../parts/Notices";
import { PayloadView } from "../../parts/PayloadView";
import { RelativeTime } from "../../parts/RelativeTime";
import { KeyForm } from "./KeyForm";
import { fileNameOf, isAddressable, keyPath } from "./keys";
import { type Value, useValue } from "./useValue";

export interface KeyDialogProps {
  bucket: string;
  open: boolean;
  /** Null: a new key. */
  name: string | null;
  /** What a new key begins with. */
  prefix: string;
  onClose: () => void;
  /** It was written or deleted. */
  onChanged: () => void;
}

export function KeyDialog({ bucket, open, name, prefix, onClose, onChanged }: KeyDialogProps) {
  const [deleting, setDeleting] = useState<string | null>(null);
  return (
    <>
      <Dialog open={open} title={name === null ? "New key" : "Key"} onClose={onClose} wide>
        {name === null ? (
          <KeyForm bucket={bucket} prefix={prefix} onSaved={onChanged} onCancel={onClose} />
        ) : (
          <Key key={name} bucket={bucket} name={name} onDelete={() => setDeleting(name)} onChanged={onChanged} />
        )}
      </Dialog>
      <ConfirmDialog
        open={deleting !== null}
        title="Delete this key?"
        text={
          <p>
            The value of <code class="verbatim">{visible(deleting ?? "")}</code> is gone for good. Functions that read
            the key find nothing.
          </p>
        }
        {...(deleting !== null && isTypeable(deleting) ? { name: deleting } : {})}
        action="Delete"
        onConfirm={async () => {
          await del(keyPath(bucket, deleting ?? ""));
          notify("ok", "Deleted", visible(deleting ?? ""));
          onChanged();
        }}
        onClose={() => setDeleting(null)}
      />
    </>
  );
}

const TYPED_MAX = 60;

/** Nobody can type a line break into one line, or tell two spaces from one. */
const isTypeable = (key: string): boolean => key.length <= TYPED_MAX && !/^\s|\s$|\s\s|[^\S ]|\p{C}/u.test(key);

interface KeyProps {
  bucket: string;
  name: string;
  onDelete: () => void;
  onChanged: () => void;
}

function Key(props: KeyProps) {
  return (
    <div class="key-value">
      <p class="key-name verbatim">{visible(props.name)}</p>
      {!can.deploy.value ? (
        <EmptyState
          title="Your role may list keys, but not read their values"
          text="Values may hold what is confidential. Ask for a token with the role deployer, then sign in with it."
        />
      ) : isAddressable(props.name) ? (
        <KeyValue {...props} />
      ) : (
        <EmptyState
          title="This key cannot be read here"
          text={`No address can have “${props.name}” in it. Functions reach the key; have one write the value under another name.`}
        />
      )}
    </div>
  );
}

function KeyValue({ bucket, name, onDelete, onChanged }: KeyProps) {
  const value = useValue(bucket, name);
  const [editing, setEditing] = useState(false);
  return (
    <Loaded resource={value} what="the value">
      {(read) =>
        editing ? (
          <KeyForm
            bucket={bucket}
            name={name}
            value={read}
            prefix=""
            onSaved={onChanged}
            onCancel={() => setEditing(false)}
          />
        ) : (
          <>
            <Facts value={read} />
            <PayloadView bytes={read.bytes} label="Value" fileName={fileNameOf(name)} />
            <div class="actions end">
              <button type="button" class="button" onClick={onDelete}>
                Delete
              </button>
              <button type="button" class="button primary" onClick={() => setEditing(true)}>
                Edit
              </button>
            </div>
          </>
        )
      }
    </Loaded>
  );
}

const Facts = ({ value: { bytes, expires_at } }: { value: Value }) => (
  <dl class="facts">
    <div>
      <dt>Size</dt>
      <dd class="num">{size(bytes.length)}</dd>
    </div>
    <div>
      <dt>Expires</dt>
      <dd class="num">
        <RelativeTime at={expires_at} />
        {expires_at && `, ${dateTime(expires_at)}`}
      </dd>
    </div>
  </dl>
);
