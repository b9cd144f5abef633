// A device is added, or what it may do is changed.
import { useState } from "preact/hooks";
import { type ApiError, path, put } from "../../api/client";
import { useSubmission } from "../../api/submission";
import type { Device, HostInfo } from "../../api/types";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { ProblemNotice } from "../../parts/Loaded";
import { notify } from "../../parts/Notices";
import { DevicePassword } from "./DevicePassword";
import {
  type DeviceForm,
  type DeviceProblems,
  type NewDevice,
  emptyDevice,
  fieldOf,
  formOf,
  problemsOf,
  settingsOf,
} from "./devices";

export interface DeviceDialogProps {
  /** "new": one is added. Null: closed. */
  device: Device | "new" | null;
  host: HostInfo | null;
  onClose: () => void;
  onChanged: () => void;
}

export function DeviceDialog({ device, host, onClose, onChanged }: DeviceDialogProps) {
  const [added, setAdded] = useState<NewDevice | null>(null);
  const close = () => {
    setAdded(null);
    onClose();
  };
  const title = added ? `${added.name} was added` : device === "new" ? "Add a device" : `Change ${device?.name ?? ""}`;
  return (
    <Dialog open={device !== null} title={title} onClose={close}>
      {added ? (
        <DevicePassword device={added} password={added.password} host={host} onClose={close} />
      ) : (
        device && (
          <DeviceFields
            device={device === "new" ? null : device}
            onClose={close}
            onAdded={(made) => (setAdded(made), onChanged())}
            onChanged={() => (close(), onChanged())}
          />
        )
      )}
    </Dialog>
  );
}

interface DeviceFieldsProps {
  device: Device | null;
  onClose: () => void;
  onAdded: (device: NewDevice) => void;
  onChanged: () => void;
}

function DeviceFields({ device, onClose, onAdded, onChanged }: DeviceFieldsProps) {
  const [form, setForm] = useState<DeviceForm>(device ? formOf(device) : emptyDevice);
  const [touched, setTouched] = useState<Partial<Record<keyof DeviceForm, true>>>({});
  const { busy, error, send, forgetError } = useSubmission();
  const problems = problemsOf(form);
  const refusedAt = error && placeOf(error);
  const change = (field: keyof DeviceForm) => (event: { currentTarget: { value: string } }) => {
    setForm({ ...form, [field]: event.currentTarget.value });
    setTouched({ ...touched, [field]: true });
    forgetError();
  };
  const errorOf = (field: keyof DeviceForm): string | null =>
    (touched[field] && problems[field]) || (refusedAt === field ? (error?.detail ?? null) : null);
  const submit = (event: Event) => {
    event.preventDefault();
    setTouched({ name: true, publish: true, subscribe: true, certificates: true });
    if (!isComplete(problems)) return;
    void send(async () => {
      const only = { [device ? "if-match" : "if-none-match"]: "*" };
      const answer = await put<NewDevice>(path`/devices/${form.name}`, settingsOf(form, !device), only);
      if (!device) return onAdded(answer);
      notify("ok", `${device.name} was changed`);
      onChanged();
    });
  };
  return (
    <form class="stack" noValidate onSubmit={submit}>
      {!device && (
        <Field label="Name" hint="Small letters, digits and “-”. Also its MQTT user name." error={errorOf("name")}>
          {(aria) => (
            <input
              {...aria}
              value={form.name}
              required
              autocomplete="off"
              spellcheck={false}
              onInput={change("name")}
            />
          )}
        </Field>
      )}
      <Filters label="May publish to" value={form.publish} error={errorOf("publish")} onInput={change("publish")} />
      <Filters
        label="May subscribe to"
        value={form.subscribe}
        error={errorOf("subscribe")}
        onInput={change("subscribe")}
      />
      <p class="hint">
        <code>%u</code> stands for the device's name and <code>%c</code> for its client id, so that one filter, as{" "}
        <code>sensors/%u/#</code>, is right for every device. Empty: nothing.
      </p>
      <Field
        label="Certificates (optional)"
        hint={`Names in client certificates that stand for it, one a line.${device ? "" : " Empty: its own name."}`}
        error={errorOf("certificates")}
      >
        {(aria) => (
          <textarea {...aria} rows={2} value={form.certificates} spellcheck={false} onInput={change("certificates")} />
        )}
      </Field>
      {error && !refusedAt && <ProblemNotice error={error} />}
      <div class="actions end">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={busy} aria-busy={busy}>
          {device ? "Change" : "Add"}
        </button>
      </div>
    </form>
  );
}

const isComplete = (problems: DeviceProblems): boolean => Object.keys(problems).length === 0;

function placeOf({ code, detail }: ApiError): keyof DeviceForm | null {
  if (code === "device_exists" || code === "invalid_name") return "name";
  return code === "device_invalid" || code === "certificate_taken" ? fieldOf(detail) : null;
}

interface FiltersProps {
  label: string;
  value: string;
  error: string | null;
  onInput: (event: { currentTarget: { value: string } }) => void;
}

function Filters({ label, value, error, onInput }: FiltersProps) {
  return (
    <Field label={label} hint="Topic filters, one a line." error={error}>
      {(aria) => (
        <textarea {...aria} rows={3} value={value} placeholder="sensors/%u/#" spellcheck={false} onInput={onInput} />
      )}
    </Field>
  );
}
