// Devices, page by page: there may be tens of thousands.
import { useEffect, useState } from "preact/hooks";
import { get, withQuery } from "../../api/client";
import { type Resource, useResource } from "../../api/resource";
import type { Device } from "../../api/types";
import type { DevicePage } from "./devices";

const isEmpty = ({ devices }: DevicePage): boolean => devices.length === 0;

export interface Devices {
  first: Resource<DevicePage>;
  all: readonly Device[];
  /** Null: all of them are there. */
  more: (() => Promise<void>) | null;
}

export function useDevices(): Devices {
  const first = useResource<DevicePage>("/devices", { isEmpty });
  const [further, setFurther] = useState<readonly DevicePage[]>([]);
  useEffect(() => setFurther([]), [first.readAt]);
  const cursor = (further.at(-1) ?? first.data)?.cursor ?? null;
  const more = async () => {
    const page = await get<DevicePage>(withQuery("/devices", { cursor }));
    setFurther((before) => [...before, page]);
  };
  const all = [first.data, ...further].flatMap((page) => page?.devices ?? []);
  return { first, all, more: cursor === null ? null : more };
}
