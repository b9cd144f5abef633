// What will start it, what it may use, and what bounds it.
import type { FunctionDetail } from "../../api/types";
import { dateTime } from "../../lib/format";
import { grantsInWords, limitsInWords } from "../../lib/words";
import { WordList } from "../../parts/InWords";
import { Section } from "../../parts/Page";
import { RelativeTime } from "../../parts/RelativeTime";

export function Facts({ detail: { triggers, manifest, limits } }: { detail: FunctionDetail }) {
  const grants = grantsInWords(manifest?.grants, manifest);
  return (
    <>
      {triggers.schedule.length > 0 && (
        <Section title="Schedules">
          <Schedules schedules={triggers.schedule} />
        </Section>
      )}
      <Section title="What it may use">
        {grants.length > 0 ? (
          <WordList words={grants} sentences />
        ) : (
          <p class="quiet">Nothing beyond its own computing. Grants in its manifest would give it more.</p>
        )}
      </Section>
      {limits && (
        <Section title="Limits">
          <dl class="limits">
            {limitsInWords(limits).map(({ key, value, meaning }) => (
              <div key={key}>
                <dt>
                  <code>{key}</code>
                </dt>
                <dd class="num limit-value">{value}</dd>
                <dd class="quiet">{meaning}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
    </>
  );
}

function Schedules({ schedules }: { schedules: FunctionDetail["triggers"]["schedule"] }) {
  return (
    <ul class="schedules">
      {schedules.map(({ cron, timezone, next_runs }) => (
        <li key={`${cron} ${timezone}`}>
          <p>
            <code>{cron}</code> <span class="quiet">{timezone || "UTC"}</span>
          </p>
          {next_runs.length === 0 ? (
            <p class="quiet">It has no time to come.</p>
          ) : (
            <p>
              Next <RelativeTime at={next_runs[0]} />
              <span class="quiet num"> · {next_runs.slice(0, 3).map(dateTime).join(" · ")}</span>
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}
