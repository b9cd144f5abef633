// A message, as if it had come through the broker.
import { useState } from "preact/hooks";
import { exampleTopic, mosquittoLine } from "../../lib/examples";
import { filterMatches, publishProblem } from "../../lib/mqtt";
import { parseBase64 } from "../../lib/payload";
import { CodeLine } from "../../parts/CodeLine";
import { Field } from "../../parts/Field";
import { RunButton } from "./RunButton";
import type { TryFormProps } from "./trial";

const ENCODINGS = ["text", "base64"] as const;
const QOS_WORDS = ["0, at most once", "1, at least once", "2, exactly once"];

export function TryMqtt({ detail, addresses, busy, onRun }: TryFormProps) {
  const filters = detail.triggers.mqtt;
  const [topic, setTopic] = useState(() => exampleTopic(filters[0]?.topic ?? ""));
  const [payload, setPayload] = useState("");
  const [encoding, setEncoding] = useState<(typeof ENCODINGS)[number]>("text");
  const [qos, setQos] = useState<number>(filters[0]?.qos ?? 0);
  const [retain, setRetain] = useState(false);
  const isBase64 = encoding === "base64";
  const topicError = publishProblem(topic);
  const payloadError = isBase64 ? parseBase64(payload).problem : null;
  const isMatched = filters.some((one) => filterMatches(one.topic, topic));
  const line = mosquittoLine(addresses.mqtt, { topic, payload, isBase64: isBase64 && payload !== "", qos, retain });
  const submit = (event: Event) => {
    event.preventDefault();
    if (topicError || payloadError) return;
    onRun({
      mqtt: { topic, ...(isBase64 ? { payload_base64: payload.replace(/\s/g, "") } : { payload }), qos, retain },
    });
  };
  return (
    <form class="stack" onSubmit={submit}>
      <div class="try-line">
        <Field
          label="Topic"
          error={topicError}
          hint={
            isMatched || topicError
              ? `One of ${filters.map((one) => one.topic).join(", ")}`
              : "None of its filters matches this topic: here it runs all the same, through the broker it would not."
          }
        >
          {(aria) => (
            <input
              {...aria}
              value={topic}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setTopic(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="QoS">
          {(aria) => (
            <select {...aria} value={String(qos)} onChange={(event) => setQos(Number(event.currentTarget.value))}>
              {QOS_WORDS.map((words, level) => (
                <option key={words} value={String(level)}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        <label class="check">
          <input type="checkbox" checked={retain} onChange={(event) => setRetain(event.currentTarget.checked)} />
          Retained
        </label>
      </div>
      <Field label="Payload" error={payloadError}>
        {(aria) => (
          <textarea
            {...aria}
            rows={4}
            value={payload}
            spellcheck={false}
            onInput={(event) => setPayload(event.currentTarget.value)}
          />
        )}
      </Field>
      <div class="actions">
        <RunButton busy={busy} disabled={topicError !== null || payloadError !== null}>
          Send the message
        </RunButton>
        <div class="switch" role="group" aria-label="The payload is">
          {ENCODINGS.map((one) => (
            <button key={one} type="button" aria-pressed={one === encoding} onClick={() => setEncoding(one)}>
              {one}
            </button>
          ))}
        </div>
      </div>
      <p class="quiet small">The trial goes to this function alone: no other one and no client gets the message.</p>
      {line && <CodeLine label="Through the broker, to all who subscribe:" command={line} />}
    </form>
  );
}
