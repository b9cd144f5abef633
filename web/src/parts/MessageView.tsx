// A message as it was published: how, with which properties, and its payload.
import { useMemo } from "preact/hooks";
import type { Message } from "../api/types";
import { propertiesInWords } from "../lib/properties";
import { PayloadView } from "./PayloadView";
import "./message.css";

export function MessageView({ message, fileName }: { message: Message; fileName?: string }) {
  const { qos, retain, payload, payload_base64, properties } = message;
  const told = useMemo(() => propertiesInWords(properties), [properties]);
  return (
    <div class="message">
      <dl class="facts">
        <div>
          <dt>QoS</dt>
          <dd>{qos}</dd>
        </div>
        <div>
          <dt>Retained</dt>
          <dd>{retain ? "yes" : "no"}</dd>
        </div>
        {told.map(({ name, value }, index) => (
          <div key={index}>
            <dt>{name}</dt>
            <dd class="verbatim">{value}</dd>
          </div>
        ))}
      </dl>
      <PayloadView text={payload} base64={payload_base64} {...(fileName ? { fileName } : {})} />
    </div>
  );
}
