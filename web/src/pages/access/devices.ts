// What is entered for a device, and what it may be tried with.
import type { Device, HostInfo } from "../../api/types";
import { nameProblem, permissionProblem } from "../../lib/checks";
import { mosquittoLine, resolvePermission } from "../../lib/examples";

export interface DevicePage {
  devices: Device[];
  cursor: string | null;
}

export type NewDevice = Device & { password: string };

export interface DeviceForm {
  name: string;
  /** One filter a line. */
  publish: string;
  subscribe: string;
  /** One name a line. */
  certificates: string;
}

export const emptyDevice: DeviceForm = { name: "", publish: "", subscribe: "", certificates: "" };

export const formOf = ({ name, publish, subscribe, certificates }: Device): DeviceForm => ({
  name,
  publish: publish.join("\n"),
  subscribe: subscribe.join("\n"),
  certificates: certificates.join("\n"),
});

export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

const FILTERS_MAX = 64;
const CERTIFICATES_MAX = 8;

export type DeviceProblems = Partial<Record<keyof DeviceForm, string>>;

export function problemsOf(form: DeviceForm): DeviceProblems {
  const problems: DeviceProblems = {};
  const note = (field: keyof DeviceForm, problem: string | null) => {
    if (problem) problems[field] = problem;
  };
  note("name", nameProblem(form.name));
  note("publish", filtersProblem(linesOf(form.publish)));
  note("subscribe", filtersProblem(linesOf(form.subscribe)));
  if (linesOf(form.certificates).length > CERTIFICATES_MAX) note("certificates", `At most ${CERTIFICATES_MAX} names.`);
  return problems;
}

function filtersProblem(lines: readonly string[]): string | null {
  if (lines.length > FILTERS_MAX) return `At most ${FILTERS_MAX} filters: use wildcards.`;
  for (const line of lines) {
    const problem = permissionProblem(line);
    if (problem) return `${line}: ${problem}`;
  }
  return null;
}

/** Where certificates are left out, a new device has its own name in them. */
export function settingsOf(form: DeviceForm, isNew: boolean): object {
  const certificates = linesOf(form.certificates);
  return {
    publish: linesOf(form.publish),
    subscribe: linesOf(form.subscribe),
    ...(certificates.length > 0 || !isNew ? { certificates } : {}),
  };
}

/** A refusal names the field that it is about. */
export function fieldOf(detail: string): keyof DeviceForm | null {
  const [, field] = /^`(publish|subscribe)`/.exec(detail) ?? [];
  if (field === "publish" || field === "subscribe") return field;
  return /\bcertificate/.test(detail) ? "certificates" : null;
}

/** Null where it may publish nothing, or the host tells no address. */
export function tryLine(
  device: Pick<Device, "name" | "publish">,
  password: string,
  host: HostInfo | null,
): string | null {
  const [filter] = device.publish;
  if (!filter) return null;
  const topic = resolvePermission(filter, device.name)
    .split("/")
    .map((level) => (level === "+" || level === "#" ? "test" : level))
    .join("/");
  return mosquittoLine(host?.mqtt_urls ?? [], {
    topic,
    payload: "hello",
    username: device.name,
    password,
    ...(filter.includes("%c") ? { clientId: device.name } : {}),
  });
}
