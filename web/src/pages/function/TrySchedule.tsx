// A tick that is due now.
import { RelativeTime } from "../../parts/RelativeTime";
import { RunButton } from "./RunButton";
import type { TryFormProps } from "./trial";

export function TrySchedule({ detail, busy, onRun }: TryFormProps) {
  const [schedule] = detail.triggers.schedule;
  const submit = (event: Event) => {
    event.preventDefault();
    onRun({ schedule: {} });
  };
  return (
    <form class="stack" onSubmit={submit}>
      {schedule && (
        <p>
          A tick of <code>{schedule.cron}</code> <span class="quiet">({schedule.timezone || "UTC"})</span>, as if it
          were due now. The next one by the clock is <RelativeTime at={schedule.next_runs[0]} none="not to come" />, and
          is not put off by this.
        </p>
      )}
      <div class="actions">
        <RunButton busy={busy}>Run a tick now</RunButton>
      </div>
    </form>
  );
}
