// Sends an event to a function, and holds what came of it.
import { useState } from "preact/hooks";
import { ApiError, path, post } from "../../api/client";
import type { FunctionDetail, Trial } from "../../api/types";
import type { Addresses } from "./examples";

export type TrialEvent =
  | { http: { method: string; path: string; headers: [string, string][]; body?: string } }
  | { mqtt: { topic: string; payload?: string; payload_base64?: string; qos: number; retain: boolean } }
  | { schedule: Record<string, never> };

/** What each of the forms gets. */
export interface TryFormProps {
  detail: FunctionDetail;
  addresses: Addresses;
  busy: boolean;
  onRun: (event: TrialEvent) => void;
}

export interface TrialState {
  busy: boolean;
  result: Trial | null;
  error: ApiError | null;
  /** For screen readers. */
  said: string;
  run: (event: TrialEvent) => void;
}

const idle = { busy: false, result: null, error: null, said: "" };

export function useTrial(name: string): TrialState {
  const [state, setState] = useState<Omit<TrialState, "run">>(idle);
  const send = async (event: TrialEvent) => {
    // What came of the one before stays until something came of this one.
    setState((before) => ({ ...before, busy: true, error: null, said: "It runs." }));
    try {
      const result = await post<Trial>(path`/functions/${name}/invoke`, event);
      const outcome = result.invocation?.outcome.replaceAll("_", " ") ?? "no record of it yet";
      setState({ ...idle, result, said: `It ended: ${outcome}.` });
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
      setState({ ...idle, error: cause });
    }
  };
  return { ...state, run: (event) => void send(event) };
}
