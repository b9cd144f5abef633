// The function of this name, where there is one already.
import { useEffect } from "preact/hooks";
import { path } from "../../api/client";
import { deployments } from "../../api/live";
import { useResource } from "../../api/resource";
import type { FunctionDetail, FunctionList, Revision } from "../../api/types";

export interface Running {
  detail: FunctionDetail;
  /** The number that another revision would have. */
  next: number;
}

/** Null: there is none, or it is not known yet. */
export function useRunning(name: string | null): Running | null {
  const list = useResource<FunctionList>("/functions");
  const exists = name !== null && list.data?.functions.some((one) => one.name === name);
  const detail = useResource<FunctionDetail>(exists ? path`/functions/${name}` : null);
  const revisions = useResource<{ revisions: Revision[] }>(exists ? path`/functions/${name}/revisions` : null);
  useEffect(() => {
    if (deployments.value === 0) return;
    list.reload();
    detail.reload();
    revisions.reload();
  }, [deployments.value]);
  if (!exists || !detail.data) return null;
  const newest = revisions.data?.revisions[0]?.revision ?? detail.data.revision;
  return { detail: detail.data, next: newest + 1 };
}
