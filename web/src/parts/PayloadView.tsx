// Bytes that somebody sent, as text, as JSON or in hexadecimal. Always text to the browser, never HTML.
import { useMemo, useState } from "preact/hooks";
import { bytes as size } from "../lib/format";
import { asJson, asText, fromBase64, hexDump, toBytes, toHex } from "../lib/payload";
import { CopyButton } from "./CodeLine";
import { DownloadButton } from "./DownloadButton";

type View = "JSON" | "text" | "hex";

export interface PayloadViewProps {
  /** One of the three. */
  text?: string | null | undefined;
  base64?: string | null | undefined;
  bytes?: Uint8Array<ArrayBuffer> | null | undefined;
  /** Names it for screen readers: "Payload". */
  label?: string;
  /** The name of the file that it can be downloaded as. */
  fileName?: string;
}

const SHOWN_MAX = 65_536;

export function PayloadView({ text, base64, bytes, label = "Payload", fileName }: PayloadViewProps) {
  const data = useMemo(() => bytes ?? (base64 ? fromBase64(base64) : toBytes(text ?? "")), [text, base64, bytes]);
  const readable = useMemo(() => asText(data), [data]);
  const json = useMemo(() => (readable === null ? null : asJson(readable)), [readable]);
  const views: View[] = [
    ...(json === null ? [] : ["JSON" as const]),
    ...(readable === null ? [] : ["text" as const]),
    "hex",
  ];
  const [chosen, setChosen] = useState<View | null>(null);
  const view = chosen && views.includes(chosen) ? chosen : (views[0] ?? "hex");
  const whole = useMemo(
    () => (view === "JSON" ? json : view === "text" ? readable : hexDump(data)) ?? "",
    [view, data, json, readable],
  );
  const copied = useMemo(() => (view === "hex" ? toHex(data) : whole), [view, data, whole]);
  const name = label.toLowerCase();
  if (data.length === 0) return <p class="quiet">Empty (0 B)</p>;
  return (
    <div class="payload">
      <div class="toolbar">
        <div class="switch" role="group" aria-label={`Show ${name} as`}>
          {views.map((one) => (
            <button key={one} type="button" aria-pressed={one === view} onClick={() => setChosen(one)}>
              {one}
            </button>
          ))}
        </div>
        <span class="quiet num">{size(data.length)}</span>
        <span class="grow" />
        {fileName && <DownloadButton bytes={data} fileName={fileName} what={name} />}
        <CopyButton text={copied} what={view === "hex" ? `${name} as hexadecimal digits` : name} />
      </div>
      <pre tabIndex={0} role="group" aria-label={label}>
        {whole.slice(0, SHOWN_MAX)}
      </pre>
      {whole.length > SHOWN_MAX && <p class="quiet small">Only the beginning is shown; Copy takes all of it.</p>}
    </div>
  );
}
