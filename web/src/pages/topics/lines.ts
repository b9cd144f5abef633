// Command lines that publish.
import { mosquittoLine } from "../../lib/examples";
import { asText, toBase64 } from "../../lib/payload";

/** Where the host does not say where its broker is. */
const USUAL = "mqtt://127.0.0.1:1883";
const TOPIC = "sensors/boiler-1/temperature";

export interface Publication {
  topic: string;
  bytes: Uint8Array;
  qos: number;
  retain: boolean;
}

/** Null on a host that only listens for MQTT over WebSocket: mosquitto_pub does not go there. */
export function publishLine(urls: readonly string[], { topic, bytes, qos, retain }: Publication): string | null {
  const text = asText(bytes);
  return mosquittoLine(urls.length > 0 ? urls : [USUAL], {
    topic: topic || TOPIC,
    payload: text ?? toBase64(bytes),
    isBase64: text === null,
    qos,
    retain,
  });
}

export function tryLines(urls: readonly string[], label?: string): { command: string; label?: string }[] {
  const bytes = new TextEncoder().encode('{"celsius":21.5}');
  const command = publishLine(urls, { topic: TOPIC, bytes, qos: 0, retain: false });
  return command === null ? [] : [{ command, ...(label ? { label } : {}) }];
}
