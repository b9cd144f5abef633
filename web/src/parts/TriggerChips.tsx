// What starts a function. A route without a hole in it can be followed.
import type { FunctionSummary } from "../api/types";
import { dateTime } from "../lib/format";
import { Icon } from "./Icon";

export function TriggerChips({
  triggers,
  urls = [],
}: {
  triggers: FunctionSummary["triggers"];
  urls?: readonly string[];
}) {
  return (
    <ul class="chips" aria-label="Triggers">
      {triggers.http.map(({ route, methods }, index) => {
        const url = urls[index];
        const text = methods?.length ? `${methods.join(" ")} ${route}` : route;
        return (
          <li key={`http ${text}`} class="chip" title={`HTTP ${text}`}>
            <Icon name="http" size={12} />
            <span class="hidden">HTTP </span>
            {url && isHttp(url) && !route.includes("{") ? (
              <a href={url} target="_blank" rel="noreferrer">
                {text}
              </a>
            ) : (
              <code>{text}</code>
            )}
          </li>
        );
      })}
      {triggers.mqtt.map(({ topic, qos, order }) => (
        <li key={`mqtt ${topic}`} class="chip" title={`MQTT, QoS ${qos}, order ${order}`}>
          <Icon name="mqtt" size={12} />
          <span class="hidden">MQTT </span>
          <code>{topic}</code>
        </li>
      ))}
      {triggers.schedule.map(({ cron, timezone, next_runs }) => (
        <li
          key={`schedule ${cron} ${timezone}`}
          class="chip"
          title={next_runs[0] ? `Next run ${dateTime(next_runs[0])}` : "No next run"}
        >
          <Icon name="schedule" size={12} />
          <span class="hidden">Schedule </span>
          <code>{cron}</code>
          {timezone && timezone !== "UTC" && <span class="quiet">{timezone}</span>}
        </li>
      ))}
    </ul>
  );
}

/** The only addresses that are ever made a link from what the API says. */
const isHttp = (url: string): boolean => /^https?:\/\//.test(url);
