// The value of a key, which is bytes and not JSON.
import { useEffect, useState } from "preact/hooks";
import { ApiError, getBytes } from "../../api/client";
import type { Resource } from "../../api/resource";
import { keyPath } from "./keys";

export interface Value {
  bytes: Uint8Array<ArrayBuffer>;
  expires_at: string | null;
}

type Held = Pick<Resource<Value>, "state" | "data" | "error" | "readAt">;

const loading: Held = { state: "loading", data: null, error: null, readAt: null };

export function useValue(bucket: string, key: string): Resource<Value> {
  const [held, setHeld] = useState<Held>(loading);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let left = false;
    setHeld(loading);
    getBytes(keyPath(bucket, key)).then(
      ({ bytes, headers }) => {
        const data = { bytes, expires_at: headers.get("x-expires-at") };
        if (!left) setHeld({ state: "data", data, error: null, readAt: Date.now() });
      },
      (cause: unknown) => {
        if (!(cause instanceof ApiError)) throw cause;
        if (!left) setHeld({ ...loading, state: "failed", error: cause });
      },
    );
    return () => {
      left = true;
    };
  }, [bucket, key, turn]);
  return { ...held, absent: held.error?.status === 404, reload: () => setTurn((before) => before + 1) };
}
