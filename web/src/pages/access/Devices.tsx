// Who may connect by MQTT, and what each may do.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { del, path, post } from "../../api/client";
import { mqttOn } from "../../api/live";
import { can } from "../../api/session";
import type { Device, HostInfo } from "../../api/types";
import { count, plural } from "../../lib/format";
import { ActionButton } from "../../parts/ActionButton";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Dialog } from "../../parts/Dialog";
import { DeleteButton } from "../../parts/DeleteButton";
import { EmptyState } from "../../parts/EmptyState";
import { Icon } from "../../parts/Icon";
import { Loaded } from "../../parts/Loaded";
import { Section } from "../../parts/Page";
import { RelativeTime } from "../../parts/RelativeTime";
import { type Column, Table } from "../../parts/Table";
import { FilterInput } from "../../parts/Toolbar";
import { DeviceDialog } from "./DeviceDialog";
import { DevicePassword } from "./DevicePassword";
import { useDevices } from "./useDevices";

export function Devices({ host }: { host: HostInfo | null }) {
  const { first, all, more } = useDevices();
  const [filter, setFilter] = useState("");
  const [edited, setEdited] = useState<Device | "new" | null>(null);
  const [renewed, setRenewed] = useState<Device | null>(null);
  const [password, setPassword] = useState<{ device: Device; password: string } | null>(null);
  const [deleted, setDeleted] = useState<Device | null>(null);
  const administers = can.administer.value;
  const rows = useMemo(
    () => all.filter((one) => matches(one, filter.toLowerCase())),
    [first.readAt, all.length, filter],
  );
  const add = administers && (
    <button type="button" class="button primary" onClick={() => setEdited("new")}>
      Add a device
    </button>
  );
  const columns = administers
    ? [...shown, controls({ onEdit: setEdited, onRenew: setRenewed, onDelete: setDeleted })]
    : shown;
  return (
    <>
      {!mqttOn.value && <MqttOff />}
      <Section
        title="Devices"
        actions={
          first.state === "data" && (
            <div class="device-controls">
              <FilterInput label="Filter devices" value={filter} onInput={setFilter} />
              {add}
            </div>
          )
        }
      >
        <Loaded resource={first} what="the devices" empty={<NoDevices add={add} />}>
          {() => (
            <Table
              caption="Devices"
              columns={columns}
              rows={rows}
              rowKey={(row) => row.name}
              filter={filter}
              onClear={() => setFilter("")}
            />
          )}
        </Loaded>
        {more && (
          <p class="more-devices row">
            <ActionButton run={more} failure="No more devices could be read">
              Show more
            </ActionButton>
            <span class="quiet">The first {count(all.length)} are shown; the filter looks through these.</span>
          </p>
        )}
        <DeviceDialog device={edited} host={host} onClose={() => setEdited(null)} onChanged={first.reload} />
        <ConfirmDialog
          open={renewed !== null}
          title={`A new password for ${renewed?.name ?? ""}`}
          text="The old one is of no use from then on: the device has to be given the new one before it can connect again."
          action="Make a new password"
          onConfirm={async () => {
            if (renewed)
              setPassword({
                device: renewed,
                ...(await post<{ password: string }>(path`/devices/${renewed.name}/password`)),
              });
          }}
          onClose={() => setRenewed(null)}
        />
        <Dialog
          open={password !== null}
          title={`The new password of ${password?.device.name ?? ""}`}
          onClose={() => setPassword(null)}
        >
          {password && <DevicePassword {...password} host={host} onClose={() => setPassword(null)} />}
        </Dialog>
        <ConfirmDialog
          open={deleted !== null}
          title={`Delete ${deleted?.name ?? ""}`}
          text="It is disconnected and cannot connect again. Its password and its permissions are gone for good."
          name={deleted?.name ?? ""}
          action="Delete"
          onConfirm={async () => {
            if (deleted) await del(path`/devices/${deleted.name}`);
            first.reload();
          }}
          onClose={() => setDeleted(null)}
        />
      </Section>
    </>
  );
}

const matches = ({ name, publish, subscribe, certificates }: Device, wanted: string): boolean =>
  !wanted || [name, ...publish, ...subscribe, ...certificates].some((text) => text.toLowerCase().includes(wanted));

const shown: readonly Column<Device>[] = [
  { id: "name", title: "Device", header: true, sort: (row) => row.name, cell: (row) => row.name },
  { id: "publish", title: "May publish to", phone: "whole", cell: (row) => <Filters texts={row.publish} /> },
  { id: "subscribe", title: "May subscribe to", phone: "whole", cell: (row) => <Filters texts={row.subscribe} /> },
  {
    id: "certificates",
    title: "Certificates",
    phone: "double",
    cell: ({ certificates }) =>
      certificates.length === 0 ? (
        <span class="quiet">none</span>
      ) : (
        <span class="wrap" title={certificates.join("\n")}>
          {certificates[0]}
          {certificates.length > 1 && <span class="quiet"> and {plural(certificates.length - 1, "more", "more")}</span>}
        </span>
      ),
  },
  { id: "created", title: "Added", sort: (row) => row.created_at, cell: (row) => <RelativeTime at={row.created_at} /> },
];

function Filters({ texts }: { texts: readonly string[] }) {
  if (texts.length === 0) return <span class="quiet">nothing</span>;
  return (
    <ul class="chips">
      {texts.map((text) => (
        <li key={text} class="chip" title={text}>
          <code>{text}</code>
        </li>
      ))}
    </ul>
  );
}

interface Actions {
  onEdit: (device: Device) => void;
  onRenew: (device: Device) => void;
  onDelete: (device: Device) => void;
}

const controls = ({ onEdit, onRenew, onDelete }: Actions): Column<Device> => ({
  id: "controls",
  title: "Controls",
  untitled: true,
  phone: "whole",
  cell: (row) => (
    <div class="row-controls">
      <button type="button" class="button small" onClick={() => onEdit(row)}>
        Change<span class="hidden"> {row.name}</span>
      </button>
      <button type="button" class="button small" onClick={() => onRenew(row)}>
        New password<span class="hidden"> for {row.name}</span>
      </button>
      <DeleteButton name={row.name} onClick={() => onDelete(row)} />
    </div>
  ),
});

function MqttOff() {
  return (
    <div class="notice">
      <Icon name="info" />
      <p class="grow">
        MQTT is off on this host, so no device can connect. Start it with <code>--mqtt 127.0.0.1:1883</code>.
      </p>
    </div>
  );
}

function NoDevices({ add }: { add: ComponentChildren }) {
  return (
    <EmptyState
      title="No devices yet"
      text={`A device has a name and a password, and may publish and subscribe to what it is granted. ${add ? "" : "Only an admin adds one."}`}
      action={add || undefined}
      commands={
        add
          ? [{ label: "Or on the command line:", command: "tidegate device add boiler-1 --publish 'sensors/%u/#'" }]
          : []
      }
    />
  );
}
