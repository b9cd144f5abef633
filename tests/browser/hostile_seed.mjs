// Puts the payloads wherever somebody without rights, or with few of them, gets a text into the host.
import { api, ask, call, deploy, guestPath, packet, publish, rawClient, text } from "./host.mjs";
import { readFile } from "node:fs/promises";
import { PAYLOADS } from "./payloads.mjs";
import { check, until } from "./lib.mjs";

/** TOML's basic strings are JSON's, but for the delete character. */
const toml = (value) => JSON.stringify(value).replaceAll("\u007f", "\\u007f");
/** A refusal is in order; an answer like 500 is not. */
const isRefused = (what, { status, text: told }) =>
  check(status >= 400 && status < 500, `${what} is answered with ${status}: ${told}`);

/** Those for which `attempt` is answered well; the others have to be refused properly. */
async function taken(what, attempt) {
  const accepted = [];
  for (const payload of PAYLOADS) {
    const answer = await attempt(payload);
    if (answer.status < 300) accepted.push(payload);
    else isRefused(`${what} ${JSON.stringify(payload).slice(0, 80)}`, answer);
  }
  return accepted;
}

export async function names() {
  const isName = (payload) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(payload);
  for (const [what, pathOf] of [
    ["function", (name) => `/functions/${name}`],
    ["bucket", (name) => `/buckets/${name}/keys/a`],
    ["secret", (name) => `/secrets/${name}`],
    ["device", (name) => `/devices/${name}`],
  ]) {
    const body = what === "device" ? { publish: [], subscribe: [] } : "x";
    for (const payload of PAYLOADS) {
      const answer = await api("PUT", pathOf(encodeURIComponent(payload)), body);
      // `constructor` and the like are good names.
      if (isName(payload)) continue;
      if (answer.status < 300) check(false, `the ${what} ${JSON.stringify(payload)} was taken`);
      else isRefused(`the ${what} ${JSON.stringify(payload).slice(0, 80)}`, answer);
    }
  }
}

/** Routes and topic filters, as far as their grammars go. */
export async function triggers() {
  const component = await readFile(guestPath("http_version"));
  const dryRun = (query) => api("POST", `/functions/routed?dry_run=true&${query}`, component);
  const routes = await taken("the route", (payload) => dryRun(`route=${encodeURIComponent(`/r/${payload}`)}`));
  const query = routes.slice(0, 30).map((route) => `route=${encodeURIComponent(`/r/${route}`)}`);
  await deploy("routed", "http_version", { query: query.join("&") });
  const handler = await readFile(guestPath("mqtt_works"));
  const filters = await taken("the topic filter", (payload) =>
    api("POST", `/functions/subscribed?dry_run=true&topic=${encodeURIComponent(`f/${payload}`)}`, handler),
  );
  await deploy("subscribed", "mqtt_works", {
    query: filters
      .slice(0, 30)
      .map((filter) => `topic=${encodeURIComponent(`f/${filter}`)}`)
      .join("&"),
  });
  return { routes: routes.slice(0, 30), filters: filters.slice(0, 30) };
}

export async function config() {
  const component = await readFile(guestPath("config_read"));
  const withConfig = (lines) => {
    const body = new FormData();
    body.append("component", new Blob([component]), "config.wasm");
    body.append("manifest", `[config]\n${lines.join("\n")}\n`);
    return body;
  };
  const line = (payload) => `${toml(payload)} = ${toml(payload)}`;
  const both = await taken("the configuration", (payload) =>
    api("POST", "/functions/configured?dry_run=true", withConfig([line(payload)])),
  );
  await ask("PUT", "/functions/configured", withConfig(["before = 'x'"]));
  await ask("PUT", "/functions/configured", withConfig(both.map(line)));
  return both;
}

/** Topics and payloads of messages, retained. What cannot be a topic is the payload of one all the same. */
export async function messages() {
  const isTopic = (payload) => !/[+#\u0000]/.test(payload) && Buffer.byteLength(payload) < 1000;
  const topicOf = (payload, index) => (isTopic(payload) ? `t/${payload}` : `t/${index}`);
  for (const [index, payload] of PAYLOADS.entries()) {
    await ask("POST", "/broker/publish", { topic: topicOf(payload, index), payload, qos: 0, retain: true });
  }
  return PAYLOADS.map((payload, index) => ({ payload, topic: topicOf(payload, index) }));
}

/** Clients by these names, with subscriptions to match. Returns the names that the broker let in. */
export async function clients() {
  const admitted = [];
  for (const payload of PAYLOADS.filter((one) => Buffer.byteLength(one) < 500)) {
    const filter = `s/${payload.replaceAll(/[+#\u0000]/g, "")}`;
    const subscribe = packet(0x82, [Buffer.from([0, 1]), text(filter), Buffer.from([0])]);
    const { accepted } = await rawClient(payload, [subscribe]);
    if (accepted) admitted.push(payload);
  }
  await until("they are listed", async () => {
    const { clients: listed } = await ask("GET", "/broker/clients");
    const known = new Set(listed.map((one) => one.client_id));
    return admitted.every((one) => known.has(one));
  });
  return admitted;
}

/** What a device may do, and the names in its certificates. */
export async function permissions() {
  const filters = await taken("the permission", (payload) =>
    api("PUT", "/devices/trial", { publish: [`p/${payload}`], subscribe: [] }),
  );
  const certificates = await taken("the certificate", (payload) =>
    api("PUT", "/devices/trial", { publish: [], subscribe: [], certificates: [payload] }),
  );
  await ask("PUT", "/devices/trial", {
    publish: filters.slice(0, 20).map((one) => `p/${one}`),
    subscribe: [],
    certificates: certificates.slice(0, 1),
  });
  return filters.slice(0, 20);
}

export async function logs() {
  await deploy("says", "http_log_text");
  for (const payload of PAYLOADS) await call("/says", { method: "POST", body: payload });
  return PAYLOADS;
}

/** Errors that repeat what they were asked for: in a span and a line of the log, and as the reason of a dead letter. */
export async function errors() {
  await deploy("tells", "http_publish", { query: "publish=granted" });
  for (const payload of PAYLOADS) await call(`/tells?topic=${encodeURIComponent(payload)}`);
  const chosen = PAYLOADS.filter((_, index) => index % 8 === 0);
  for (const payload of chosen) {
    const manifest = `[[mqtt]]\ntopic = "keep"\nattempts = 1\n[config]\nbucket = ${toml(payload)}\n`;
    await deploy("keeps", "mqtt_keeps", { manifest, query: "bucket=default" });
    const count = async () => (await ask("GET", "/broker/dead-letters")).dead_letters.length;
    const before = await count();
    await publish("keep", payload.replaceAll("\u0000", ""), ["-q", "1"]);
    await until("there is a dead letter", async () => (await count()) > before);
  }
  return chosen;
}

export async function keys() {
  return taken("the key", (payload) => api("PUT", `/buckets/default/keys/${encodeURIComponent(payload)}`, payload));
}

/** Whoever deploys is named by the subject of the token. */
export async function subjects() {
  const accepted = [];
  for (const payload of PAYLOADS) {
    const answer = await api("POST", "/tokens", { subject: payload, role: "deployer", ttl: "1h" });
    if (answer.status < 300) accepted.push([payload, answer.json.token]);
    else isRefused(`the subject ${JSON.stringify(payload).slice(0, 80)}`, answer);
  }
  for (const [index, [, token]] of accepted.entries()) {
    await deploy("owned", index % 2 ? "http_version" : "http_version_two", { token });
  }
  return accepted.map(([payload]) => payload);
}
