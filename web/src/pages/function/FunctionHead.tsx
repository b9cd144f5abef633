// What starts it, which revision serves, and how it does.
import type { FunctionDetail } from "../../api/types";
import { bytes, short } from "../../lib/format";
import { RelativeTime } from "../../parts/RelativeTime";
import { StatusBadge } from "../../parts/StatusBadge";
import { TriggerChips } from "../../parts/TriggerChips";
import { healthInWords } from "./health";

export function FunctionHead({ detail }: { detail: FunctionDetail }) {
  const { triggers, urls, revision, digest, created_at, component_bytes, app } = detail;
  const health = healthInWords(detail.activity);
  const appName = app?.["name"];
  return (
    <div class="function-head">
      {health && (
        <p>
          <StatusBadge tone={health.tone}>{health.word}</StatusBadge> {health.text}
        </p>
      )}
      <TriggerChips triggers={triggers} urls={urls} />
      <p class="quiet">
        Revision <span class="num">{revision}</span> is active, deployed <RelativeTime at={created_at} /> ·{" "}
        {bytes(component_bytes)} · <code title={digest}>{short(digest, 12)}</code>
        {typeof appName === "string" && ` · part of the app ${appName}`}
      </p>
    </div>
  );
}
