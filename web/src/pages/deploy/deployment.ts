// The deployment that is under way, or the last one. It goes on while another page is looked at.
import { effect, signal } from "@preact/signals";
import { ApiError, path as pathOf, upload, withQuery } from "../../api/client";
import type { Deployed } from "../../api/types";
import { path } from "../../lib/location";
import { notify, notifyError } from "../../parts/Notices";
import { bodyOf, clear, request } from "./draft";

export type Deployment =
  | { phase: "none"; error?: ApiError; cancelled?: "sending" | "compiling" }
  | { phase: "sending"; name: string; sent: number; total: number }
  /** All of it has arrived: the host checks, compiles and stores. */
  | { phase: "compiling"; name: string }
  | { phase: "live"; deployed: Deployed };

export const deployment = signal<Deployment>({ phase: "none" });
let abort: AbortController | null = null;

export const isUnderWay = ({ phase }: Deployment): boolean => phase === "sending" || phase === "compiling";

export async function deploy(): Promise<void> {
  const wanted = request.peek();
  if (!wanted || isUnderWay(deployment.peek())) return;
  const { name, component, parameters } = wanted;
  abort = new AbortController();
  deployment.value = { phase: "sending", name, sent: 0, total: component.blob.size };
  const at = withQuery(pathOf`/functions/${name}`, parameters);
  const onProgress = (sent: number, total: number) => {
    deployment.value = sent < total ? { phase: "sending", name, sent, total } : { phase: "compiling", name };
  };
  try {
    const deployed = await upload<Deployed>("PUT", at, bodyOf(wanted), onProgress, abort.signal);
    deployment.value = { phase: "live", deployed };
    clear();
    if (isElsewhere()) notify("ok", `${deployed.name} is live as revision ${deployed.revision}`);
  } catch (cause) {
    if (cause instanceof ApiError) {
      deployment.value = { phase: "none", error: cause };
      if (isElsewhere()) notifyError(`${name} was not deployed`, cause);
    } else if (!abort.signal.aborted) throw cause;
  }
}

export function cancel(): void {
  const { phase } = deployment.peek();
  if (phase !== "sending" && phase !== "compiling") return;
  deployment.value = { phase: "none", cancelled: phase };
  abort?.abort();
}

/** Before the next one. */
export function forget(): void {
  deployment.value = { phase: "none" };
}

const isElsewhere = (): boolean => path.peek() !== "/deploy";

// Leaving the tab would cut the upload off.
const warn = (event: Event): void => event.preventDefault();
effect(() => {
  if (isUnderWay(deployment.value)) addEventListener("beforeunload", warn);
  else removeEventListener("beforeunload", warn);
});
