// What came of an action. Good news goes by itself, bad news stays until it is closed.
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";
import { Icon } from "./Icon";
import type { Tone } from "./StatusBadge";
import { Prose } from "./Prose";

interface Notice {
  id: number;
  tone: Tone;
  text: string;
  detail?: string | undefined;
}

const GOES_AFTER_MS = 6000;
const notices = signal<readonly Notice[]>([]);
let lastId = 0;

export function notify(tone: Tone, text: string, detail?: string): void {
  const id = ++lastId;
  notices.value = [...notices.value, { id, tone, text, detail }].slice(-4);
  if (tone !== "bad") setTimeout(() => close(id), GOES_AFTER_MS);
}

export function notifyError(doing: string, cause: unknown): void {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const request = cause instanceof ApiError && cause.request_id ? ` (request ${cause.request_id})` : "";
  notify("bad", doing, detail + request);
}

function close(id: number): void {
  notices.value = notices.value.filter((one) => one.id !== id);
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, tone, text, detail }) => (
        <div key={id} class={`notice ${tone}`}>
          <Icon name={tone === "ok" ? "check" : tone === "bad" ? "cross" : "info"} />
          <div class="grow">
            <p>
              <strong>{text}</strong>
            </p>
            {detail && <p>{tone === "bad" ? <Prose text={detail} /> : detail}</p>}
          </div>
          <button type="button" class="icon-button" aria-label="Close this notice" onClick={() => close(id)}>
            <Icon name="cross" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
