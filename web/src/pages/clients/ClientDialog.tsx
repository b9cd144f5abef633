// One session in full, and its end.
import { useState } from "preact/hooks";
import { del, path } from "../../api/client";
import { can } from "../../api/session";
import type { ClientSnapshot } from "../../api/types";
import { bytes, count, dateTime, span } from "../../lib/format";
import { to } from "../../lib/location";
import { visible } from "../../lib/payload";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Dialog } from "../../parts/Dialog";
import { notify } from "../../parts/Notices";
import { RelativeTime } from "../../parts/RelativeTime";
import { StatusBadge } from "../../parts/StatusBadge";

/** MQTT's largest number stands for a session that never ends by itself. */
const FOR_GOOD = 0xffff_ffff;

export interface ClientDialogProps {
  /** Whose session; null: the dialog is closed. */
  id: string | null;
  /** Null: there is no such session. */
  client: ClientSnapshot | null;
  loaded: boolean;
  onClose: () => void;
  onEnded: () => void;
}

export function ClientDialog({ id, client, loaded, onClose, onEnded }: ClientDialogProps) {
  const [ending, setEnding] = useState<string | null>(null);
  return (
    <>
      <Dialog open={id !== null} title={`Session of ${visible(id ?? "")}`} onClose={onClose} wide>
        {client ? (
          <Session client={client} onEnd={() => setEnding(client.client_id)} />
        ) : (
          <p>{loaded ? "There is no such session any more." : "Reading the sessions …"}</p>
        )}
      </Dialog>
      <ConfirmDialog
        open={ending !== null}
        title="End this session?"
        text={
          <p>
            The client is disconnected. Its subscriptions and what waits for it are gone for good. It may connect again
            and begin with nothing.
          </p>
        }
        name={ending ?? ""}
        action="End the session"
        onConfirm={async () => {
          await del(path`/broker/clients/${ending ?? ""}`);
          notify("ok", "Session ended", visible(ending ?? ""));
          onClose();
          onEnded();
        }}
        onClose={() => setEnding(null)}
      />
    </>
  );
}

function Session({ client, onEnd }: { client: ClientSnapshot; onEnd: () => void }) {
  const addressable = client.client_id !== "." && client.client_id !== "..";
  return (
    <div class="stack">
      <dl class="facts">
        {factsOf(client).map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
      <div>
        <h3>Subscriptions</h3>
        {client.subscriptions.length === 0 ? (
          <p class="quiet">None: it only publishes, if anything.</p>
        ) : (
          <ul class="subscriptions">
            {client.subscriptions.map((filter) => (
              <li key={filter}>
                <a class="verbatim" href={`#/topics?filter=${encodeURIComponent(filter)}`}>
                  {visible(filter)}
                </a>
              </li>
            ))}
          </ul>
        )}
      </div>
      {can.deploy.value && (
        <div class="actions end">
          {addressable ? (
            <button type="button" class="button danger" onClick={onEnd}>
              End the session
            </button>
          ) : (
            <p class="quiet">A session of this name cannot be ended here: no address can have it in it.</p>
          )}
        </div>
      )}
    </div>
  );
}

function factsOf(client: ClientSnapshot) {
  const { address, identity, session_expiry_s: expiry } = client;
  const kept = expiry === FOR_GOOD ? "for good" : expiry ? span(expiry) : "as long as it is connected";
  return [
    {
      name: "State",
      value: <StatusBadge tone={address ? "ok" : "neutral"}>{address ? "on line" : "off line"}</StatusBadge>,
    },
    { name: "Device", value: identity ? <a href={to`/access`}>{identity}</a> : "anonymous" },
    ...(address
      ? [
          { name: "Address", value: address },
          { name: "Transport", value: `${client.transport ?? "?"}, MQTT ${client.version ?? "?"}` },
        ]
      : []),
    ...(typeof client.connected_ms === "number"
      ? [
          {
            name: "Connected",
            value: (
              <>
                <RelativeTime at={client.connected_ms} />, {dateTime(client.connected_ms)}
              </>
            ),
          },
        ]
      : []),
    { name: "Session is kept", value: kept },
    { name: "In flight", value: count(client.inflight) },
    { name: "Queued", value: `${count(client.queued)}, ${bytes(client.queued_bytes)} in all` },
    { name: "Dropped", value: count(client.dropped) },
    { name: "Expired", value: count(client.expired) },
    { name: "Packets received", value: count(client.packets_received) },
    { name: "Messages refused", value: count(client.messages_refused) },
  ];
}
