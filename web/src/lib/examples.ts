// The exact line to try something with. Parameters and wildcards are filled in with examples.

/** As one word of a shell. */
export const shellWord = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** `/thermostat/{device}` → `/thermostat/device-1`; a rest is left out. */
export function exampleOf(route: string): string {
  const path = route
    .replace(/\[\/\]$/, "")
    .replace(/\/\{\*[^}]*\}$/, "")
    .replace(/\{([^}]+)\}/g, (_, name: string) => (name.toLowerCase() === "id" ? "1" : `${name}-1`));
  return path || "/";
}

/** `sensors/+/temperature` → `sensors/example-1/temperature`. */
export function exampleTopic(filter: string): string {
  let wildcards = 0;
  return filter
    .split("/")
    .map((level) => (level === "+" || level === "#" ? `example-${++wildcards}` : level))
    .join("/");
}

/** The names of the levels that a device's filter has open. */
export const resolvePermission = (filter: string, device: string): string => filter.replace(/%[uc]/g, device);

export interface HttpExample {
  method: string;
  url: string;
  /** An empty value leaves out what curl would send by itself. */
  headers?: readonly (readonly [string, string])[];
  body?: string;
}

const BODILESS = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);

export const hasBody = (method: string): boolean => !BODILESS.has(method);

export function curlLine({ method, url, headers = [], body }: HttpExample): string {
  const words = ["curl"];
  if (method === "HEAD") words.push("-I");
  else if (hasBody(method) ? method !== "POST" || !body : method !== "GET") words.push("-X", method);
  for (const [name, value] of headers) words.push("-H", shellWord(value ? `${name}: ${value}` : `${name}:`));
  // To -d, what begins with @ is the name of a file.
  if (body) words.push(body.startsWith("@") ? "--data-raw" : "-d", shellWord(body));
  // To curl, braces and brackets in a URL are a pattern.
  if (/[{}[\]]/.test(url)) words.push("-g");
  return [...words, shellWord(url)].join(" ");
}

export interface MqttExample {
  topic: string;
  payload: string;
  /** The payload is base64 of what is meant. */
  isBase64?: boolean;
  retain?: boolean;
  qos?: number;
  username?: string;
  password?: string;
  clientId?: string;
}

/** Null where none of the addresses is for a plain MQTT client (over WebSocket, mosquitto_pub does not go). */
export function mosquittoLine(urls: readonly string[], example: MqttExample): string | null {
  const address = urls.map(parseMqtt).find((one) => one !== null);
  if (!address) return null;
  const words = ["mosquitto_pub", "-h", address.host, "-p", address.port];
  // The authorities that this machine trusts; without it the client would speak in the clear.
  if (address.tls) words.push("--tls-use-os-certs");
  if (example.clientId) words.push("-i", example.clientId);
  if (example.username) words.push("-u", example.username);
  if (example.password) words.push("-P", example.password);
  if (example.qos) words.push("-q", String(example.qos));
  if (example.retain) words.push("-r");
  words.push("-t", example.topic, ...(example.isBase64 ? ["-s"] : example.payload ? ["-m", example.payload] : ["-n"]));
  const line = words.map(shellWord).join(" ");
  return example.isBase64 ? `echo ${shellWord(example.payload)} | base64 -d | ${line}` : line;
}

function parseMqtt(url: string): { host: string; port: string; tls: boolean } | null {
  const parts = /^(mqtts?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(url);
  if (!parts) return null;
  const [, scheme, host = "", port] = parts;
  const tls = scheme === "mqtts";
  return { host: reachable(host.replace(/^\[|\]$/g, "")), port: port ?? (tls ? "8883" : "1883"), tls };
}

/** A host that listens everywhere is reached where this page came from. */
const reachable = (host: string): string =>
  host === "0.0.0.0" || host === "::" ? (globalThis.location?.hostname ?? "127.0.0.1") : host;

/** What a function may make something of that expects JSON, and one that expects what a sensor says: JSON as well. */
const BODY = '{"value":21.5}';
export const EXAMPLE_PAYLOAD = "21.5";

export interface ExampleRequest {
  method: string;
  path: string;
  body?: string;
}

export function exampleRequest({
  route,
  methods,
}: {
  route: string;
  methods?: readonly string[] | undefined;
}): ExampleRequest {
  const method = !methods?.length || methods.includes("GET") ? "GET" : (methods[0] ?? "GET");
  return { method, path: exampleOf(route), ...(hasBody(method) ? { body: BODY } : {}) };
}

/** "http://127.0.0.1:3000" of "http://127.0.0.1:3000/devices/{id}"; null where it is no such address. */
export const originOf = (url: string | undefined): string | null => /^https?:\/\/[^/]+/.exec(url ?? "")?.[0] ?? null;
