// The exact lines that start this function from outside.
import { useResource } from "../../api/resource";
import type { FunctionSummary, HostInfo } from "../../api/types";
import { EXAMPLE_PAYLOAD, curlLine, exampleRequest, exampleTopic, mosquittoLine, originOf } from "../../lib/examples";
import type { CodeLineProps } from "../../parts/CodeLine";

/** Where the function's listeners are; empty where the host does not say. */
export interface Addresses {
  http: string | null;
  mqtt: readonly string[];
}

export function useAddresses({ urls }: Pick<FunctionSummary, "urls">): Addresses {
  const host = useResource<HostInfo>("/host");
  return { http: originOf(urls[0]) ?? originOf(host.data?.http_url), mqtt: host.data?.mqtt_urls ?? [] };
}

/** One line for each of its triggers that somebody outside can pull; none for schedules. */
export function useExamples(detail: Pick<FunctionSummary, "urls" | "triggers">): CodeLineProps[] {
  const { http, mqtt } = useAddresses(detail);
  const [route] = detail.triggers.http;
  const [trigger] = detail.triggers.mqtt;
  const lines: CodeLineProps[] = [];
  if (route && http) {
    const { path, ...request } = exampleRequest(route);
    lines.push({ label: "A request:", command: curlLine({ ...request, url: http + path }) });
  }
  const message =
    trigger && mosquittoLine(mqtt, { topic: exampleTopic(trigger.topic), payload: EXAMPLE_PAYLOAD, qos: trigger.qos });
  if (message) lines.push({ label: "A message:", command: message });
  return lines;
}
