// What a form sends: under way or not, and the host's refusal, which is shown in the form.
import { useState } from "preact/hooks";
import { ApiError } from "./client";

export interface Submission {
  busy: boolean;
  error: ApiError | null;
  /** Sends, unless it is being sent. Whatever is no ApiError is a defect, and is thrown. */
  send: (sending: () => Promise<unknown>) => Promise<void>;
  forgetError: () => void;
}

export function useSubmission(): Submission {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const send = async (sending: () => Promise<unknown>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await sending();
    } catch (cause) {
      if (!(cause instanceof ApiError)) throw cause;
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, send, forgetError: () => setError(null) };
}
