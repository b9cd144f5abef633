// What this host is, and where it is reached.
import type { ComponentChildren } from "preact";
import type { HostInfo } from "../../api/types";
import { dateTime } from "../../lib/format";
import { Section } from "../../parts/Page";
import { RelativeTime } from "../../parts/RelativeTime";

export function HostFacts({ host }: { host: HostInfo }) {
  return (
    <Section title="This host">
      <dl class="facts wide">
        <Fact term="Version">Tidegate {host.version}</Fact>
        <Fact term="Started">
          {dateTime(host.started_at)}, <RelativeTime at={host.started_at} />
        </Fact>
        <Fact term="Platform">{host.platform}</Fact>
        <Fact term="Made of">
          Wasmtime {host.wasmtime_version}, SQLite {host.sqlite_version}
        </Fact>
        <Fact term="Functions at">
          <code>{host.http_url}</code>
        </Fact>
        <Fact term="Admin API and dashboard at">
          {host.admin_url ? <code>{host.admin_url}</code> : <code>{location.origin}</code>}
        </Fact>
        <Fact term="MQTT at">
          {host.mqtt_urls.length === 0 ? (
            <span class="quiet">no address of its own</span>
          ) : (
            <ul>
              {host.mqtt_urls.map((url) => (
                <li key={url}>
                  <code>{url}</code>
                </li>
              ))}
            </ul>
          )}
        </Fact>
        <Fact term="Data directory">
          {host.data_dir ? <code>{host.data_dir}</code> : <span class="quiet">none</span>}
        </Fact>
      </dl>
    </Section>
  );
}

function Fact({ term, children }: { term: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
