// What the host says would come of a deployment, asked again with every change.
import { useEffect, useState } from "preact/hooks";
import { ApiError, path, upload, withQuery } from "../../api/client";
import type { DryRun } from "../../api/types";
import { type Request, bodyOf, request, suggestName } from "./draft";

export interface Check {
  /** `stale`: what is shown is of before the last change, and the host is being asked. */
  state: "idle" | "stale" | "passed" | "refused";
  result: DryRun | null;
  error: ApiError | null;
  /** Of the file that is on its way, where it is large enough to see it go: 0 to 1. */
  share: number | null;
  /** What was asked for. */
  asked: Request | null;
}

const nothing: Check = { state: "idle", result: null, error: null, share: null, asked: null };
const PAUSE_MS = 400;
/** A larger file takes its time to send, so that it is worth to wait for the end of a word. */
const LARGE_BYTES = 4 * 1024 * 1024;
const LARGE_PAUSE_MS = 1200;

/** Rests while a deployment is under way, which tells the same. */
export function useDryRun(resting: boolean): Check & { again: () => void } {
  const [check, setCheck] = useState<Check>(nothing);
  const [round, setRound] = useState(0);
  const wanted = request.value;

  useEffect(() => {
    if (resting) return undefined;
    if (!wanted) {
      setCheck((before) => ({ ...before, state: "idle", share: null }));
      return undefined;
    }
    const abort = new AbortController();
    const large = wanted.component.blob.size > LARGE_BYTES;
    setCheck((before) => {
      const sameFile = before.asked?.component === wanted.component;
      return { ...(sameFile ? before : nothing), state: "stale", share: null };
    });
    const timer = setTimeout(() => void ask(), large && check.asked ? LARGE_PAUSE_MS : PAUSE_MS);
    const keep = (change: Partial<Check>) => {
      if (!abort.signal.aborted) setCheck((before) => ({ ...before, ...change }));
    };
    const ask = async () => {
      const at = withQuery(path`/functions/${wanted.name}`, { dry_run: true, ...wanted.parameters });
      const onProgress = (sent: number, total: number) => large && keep({ share: sent / total });
      try {
        const result = await upload<DryRun>("POST", at, bodyOf(wanted), onProgress, abort.signal);
        keep({ state: "passed", result, error: null, share: null, asked: wanted });
        if (!abort.signal.aborted) suggestName(result.manifest.name);
      } catch (cause) {
        if (cause instanceof ApiError) keep({ state: "refused", error: cause, share: null, asked: wanted });
        else if (!abort.signal.aborted) throw cause;
      }
    };
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [wanted?.key, round, resting]);

  return { ...check, again: () => setRound(round + 1) };
}
