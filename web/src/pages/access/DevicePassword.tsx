// A device's password, and the line to try it with.
import type { Device, HostInfo } from "../../api/types";
import { CodeLine } from "../../parts/CodeLine";
import { tryLine } from "./devices";
import { Once } from "./Once";

export interface DevicePasswordProps {
  device: Device;
  password: string;
  host: HostInfo | null;
  onClose: () => void;
}

export function DevicePassword({ device, password, host, onClose }: DevicePasswordProps) {
  const line = tryLine(device, password, host);
  return (
    <Once what="password" value={password} lost="If it is lost, the device can be given a new one.">
      {line ? (
        <CodeLine label="Try it:" command={line} />
      ) : (
        <p class="quiet">
          {device.publish.length === 0
            ? "It may publish nothing, so there is nothing to try."
            : "User name: the device's name. The host tells no address that mosquitto_pub could go to."}
        </p>
      )}
      <div class="actions end">
        <button type="button" class="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Once>
  );
}
