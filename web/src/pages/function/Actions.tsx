// What somebody may do to a function.
import { useState } from "preact/hooks";
import { can } from "../../api/session";
import type { FunctionDetail } from "../../api/types";
import { setQuery, to } from "../../lib/location";
import { Icon } from "../../parts/Icon";
import { DeleteDialog } from "./DeleteDialog";

export function Actions({ detail: { name } }: { detail: FunctionDetail }) {
  const [isDeleting, setDeleting] = useState(false);
  if (!can.deploy.value) return null;
  return (
    <>
      <button type="button" class="button" onClick={() => setQuery("tab", "try")}>
        <Icon name="play" size={14} /> Try it
      </button>
      <a class="button" href={`${to`/deploy`}?name=${encodeURIComponent(name)}`}>
        <Icon name="deploy" size={14} /> Deploy a new revision
      </a>
      <button type="button" class="button" onClick={() => setDeleting(true)}>
        <Icon name="trash" size={14} /> Delete
      </button>
      <DeleteDialog name={name} open={isDeleting} onClose={() => setDeleting(false)} />
    </>
  );
}
