// What the pages of the broker say on a host without one.
import type { Resource } from "../api/resource";
import { EmptyState } from "./EmptyState";

export const isMqttOff = ({ error }: Pick<Resource<unknown>, "error">): boolean => error?.code === "mqtt_off";

export function MqttOff() {
  return (
    <div class="card">
      <EmptyState
        title="MQTT is off on this host"
        text={
          <>
            Stop the host and start it with an address for its broker: beside its other options, or as <code>mqtt</code>{" "}
            in its configuration file. This page follows by itself.
          </>
        }
        commands={[{ command: "tidegate serve --mqtt 127.0.0.1:1883" }]}
      />
    </div>
  );
}
