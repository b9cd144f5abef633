// The host from outside the browser: its API, its functions, its broker; and hosts of a script's own.
import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { promisify } from "node:util";
import { PATIENCE_MS, atEnd, directory, given, until } from "./lib.mjs";

const execute = promisify(execFile);

/** Asks the admin API; `body` is JSON unless it is bytes, text or a form. */
export async function api(method, path, body, { token = given.adminToken, admin = given.admin } = {}) {
  const isRaw = typeof body === "string" || ArrayBuffer.isView(body) || body instanceof FormData;
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined && !isRaw) headers["content-type"] = "application/json";
  const sent = body === undefined || isRaw ? body : JSON.stringify(body);
  const response = await fetch(`${admin}/api/v1${path}`, { method, headers, body: sent });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, text, json: isJson && text ? JSON.parse(text) : null };
}

/** The same, where anything but success ends the script. */
export async function ask(method, path, body, options) {
  const answer = await api(method, path, body, options);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

export function guestPath(name) {
  const path = given.guests[name];
  if (!path) throw new Error(`the guest ${name} was not given`);
  return path;
}

/** Deploys a guest; `query` are the upload's parameters, `manifest` is TOML. */
export async function deploy(name, guest, { query = "", manifest, ...options } = {}) {
  const component = await readFile(guestPath(guest));
  let body = component;
  if (manifest !== undefined) {
    body = new FormData();
    body.append("component", new Blob([component]), `${guest}.wasm`);
    body.append("manifest", manifest);
  }
  return ask("PUT", `/functions/${name}?${query}`, body, options);
}

/** Calls a function over HTTP. */
export async function call(path, init = {}, http = given.http) {
  const response = await fetch(http + path, { redirect: "manual", ...init });
  return { status: response.status, text: await response.text() };
}

export const portOf = (url) => new URL(url.replace(/^mqtt/, "http")).port;

/** Publishes with Mosquitto's client; `more` are further options, as in ["-q", "1", "-r"]. */
export async function publish(topic, payload, more = [], mqtt = given.mqtt) {
  await execute("mosquitto_pub", ["-h", "127.0.0.1", "-p", portOf(mqtt), "-t", topic, "-m", payload, ...more]);
}

/** An MQTT 3.1.1 client of hand-written packets, for what no well-behaved client would say. Resolves when connected. */
export async function rawClient(clientId, packets = [], mqtt = given.mqtt) {
  const socket = connect(Number(portOf(mqtt)), "127.0.0.1");
  atEnd(() => socket.destroy());
  // One that is refused is gone while it still speaks.
  socket.on("error", () => undefined);
  // Without a keep alive: it says nothing for as long as the test takes.
  socket.write(packet(0x10, [text("MQTT"), Buffer.from([4, 2, 0, 0]), text(clientId)]));
  const [connack] = await Promise.race([once(socket, "data"), once(socket, "close").then(() => [null])]);
  for (const one of packets) socket.write(one);
  return { socket, accepted: connack?.[0] === 0x20 && connack[3] === 0 };
}

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...values) => resolve(values)));

/** A string of the protocol: its length in two bytes, and its bytes. */
export function text(value) {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** A packet: its type, its length in up to four bytes, and what is in it. */
export function packet(type, parts) {
  const body = Buffer.concat(parts);
  const length = [];
  for (let left = body.length; length.length === 0 || left > 0; left >>= 7)
    length.push((left & 127) | (left > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

export const subscribePacket = (filter) => packet(0x82, [Buffer.from([0, 1]), text(filter), Buffer.from([0])]);

/** A line of a shell, as somebody pastes it; resolves with what it printed. */
export async function shell(line) {
  const { stdout } = await execute("bash", ["-c", line], { timeout: PATIENCE_MS });
  return stdout;
}

/** A host of the script's own: it can be killed, and comes back on the same addresses with the same data. */
export class OwnHost {
  constructor() {
    this.data = directory("host");
    this.addresses = { http: "http://127.0.0.1:0", admin: "http://127.0.0.1:0", mqtt: "mqtt://127.0.0.1:0" };
    this.process = null;
    atEnd(() => this.kill());
  }

  async start() {
    const address = (name) => this.addresses[name].replace(/^\w+:\/\//, "").replace(/\/$/, "");
    const listeners = ["http", "admin", "mqtt"].flatMap((name) => [`--${name}`, address(name)]);
    this.process = spawn(given.tidegate, ["serve", "--data-dir", this.data, ...listeners, "--ready-json"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    this.process.stdout.on("data", (bytes) => (said += bytes));
    this.addresses = await until("the host is ready", () => JSON.parse(said));
    return this.addresses;
  }

  /** Not a farewell: as if the power had gone. Resolves when it is gone. */
  async kill() {
    const killed = this.process;
    this.process = null;
    if (!killed || killed.exitCode !== null || killed.signalCode !== null) return;
    const gone = once(killed, "exit");
    killed.kill("SIGKILL");
    await gone;
  }

  async token(role) {
    const { stdout } = await execute(given.tidegate, [
      "token",
      "create",
      "--role",
      role,
      "--ttl",
      "1h",
      "--data-dir",
      this.data,
    ]);
    return stdout.trim();
  }
}
