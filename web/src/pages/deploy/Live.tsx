// It is deployed: what it is now, and how to try it.
import { useEffect, useRef } from "preact/hooks";
import type { Deployed, HostInfo } from "../../api/types";
import { to } from "../../lib/location";
import { Icon } from "../../parts/Icon";
import { Section } from "../../parts/Page";
import { TriggerChips } from "../../parts/TriggerChips";
import { trialsOf } from "./trials";
import { TryIt } from "./TryIt";
import { Warnings } from "./Warnings";

export interface LiveProps {
  deployed: Deployed;
  host: HostInfo | null;
  onAnother: () => void;
}

export function Live({ deployed, host, onAnother }: LiveProps) {
  const { name, revision, created, warnings, triggers, urls } = deployed;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const trials = trialsOf(deployed, host);
  return (
    <>
      <section class="card went-live" aria-labelledby="went-live">
        <Icon name="check" size={28} />
        <div class="grow stack">
          <h2 id="went-live" tabIndex={-1} ref={heading}>
            <a href={to`/functions/${name}`}>{name}</a>{" "}
            {created ? `is live as revision ${revision}` : `runs on as revision ${revision}: nothing changed`}
          </h2>
          <TriggerChips triggers={triggers} urls={urls} />
          <Warnings texts={warnings} />
          <div class="actions">
            <a class="button" href={to`/functions/${name}`}>
              To its page
            </a>
            <button type="button" class="button" onClick={onAnother}>
              Deploy another
            </button>
          </div>
        </div>
      </section>
      {trials.length > 0 && (
        <Section title="Try it" plain>
          {trials.map((trial) => (
            <TryIt key={trial.key} name={name} trial={trial} />
          ))}
          {triggers.mqtt.length > 0 && (
            <p class="quiet small">
              Where the host asks MQTT clients who they are, add <code>-u</code> and <code>-P</code> with the name and
              the password of a <a href="#/access">device</a> that may publish there.
            </p>
          )}
        </Section>
      )}
    </>
  );
}
