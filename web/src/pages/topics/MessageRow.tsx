// A message in one line; opened, all of it.
import { useId, useState } from "preact/hooks";
import type { Message } from "../../api/types";
import { bytes, clock } from "../../lib/format";
import { fromBase64, toBytes, toHex, visible } from "../../lib/payload";
import { Icon } from "../../parts/Icon";
import { MessageView } from "../../parts/MessageView";

export interface MessageRowProps {
  message: Message;
  /** When it arrived: milliseconds since 1970. */
  at: number;
  onOpen: () => void;
}

export function MessageRow({ message, at, onOpen }: MessageRowProps) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const toggle = () => {
    if (!open) onOpen();
    setOpen(!open);
  };
  const { text, size } = preview(message);
  return (
    <>
      <button
        type="button"
        class="message-line"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={toggle}
      >
        <Icon name="next" size={12} />
        <span class="message-time num quiet">{clock(at).slice(0, 8)}</span>
        <code class="message-topic verbatim line">{visible(message.topic)}</code>
        <code class="message-text verbatim line">{text}</code>
        <span class="message-how num quiet">
          {message.retain && "retained · "}QoS {message.qos} · {size}
        </span>
      </button>
      {open && (
        <div class="message-open" id={id}>
          <MessageView message={message} />
        </div>
      )}
    </>
  );
}

const SHOWN_MAX = 200;

function preview({ payload, payload_base64 }: Message): { text: string; size: string } {
  const data = payload_base64 ? fromBase64(payload_base64) : toBytes(payload ?? "");
  const size = bytes(data.length);
  if (data.length === 0) return { text: "(empty)", size };
  if (payload_base64) return { text: toHex(data.subarray(0, 64)), size };
  return { text: visible((payload ?? "").slice(0, SHOWN_MAX)), size };
}
