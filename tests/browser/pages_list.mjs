// Every page of the dashboard, with its heading: as it is on a fresh host, and with something on it.
import { call, deploy, guestPath, publish, rawClient, subscribePacket, ask } from "./host.mjs";
import { until } from "./lib.mjs";

/** What there is to see before anything was done. */
export const EMPTY = [
  { name: "overview-empty", path: "/", heading: "Overview" },
  { name: "deploy", path: "/deploy", heading: "Deploy a function" },
  { name: "function-absent", path: "/functions/nobody", heading: "nobody" },
  { name: "invocation-absent", path: "/functions/nobody/invocations/none", heading: /^Invocation/ },
  { name: "topics-empty", path: "/topics", heading: "Topics" },
  { name: "topics-followed-empty", path: "/topics?filter=a%2F%23", heading: "Topics" },
  { name: "clients-empty", path: "/clients", heading: "Clients" },
  { name: "dead-letters-empty", path: "/dead-letters", heading: "Dead letters" },
  { name: "buckets-empty", path: "/buckets", heading: "Buckets" },
  { name: "bucket-empty", path: "/buckets/default", heading: "default" },
  { name: "access-empty", path: "/access", heading: "Access" },
  { name: "settings", path: "/settings", heading: "Settings" },
  { name: "no-such-page", path: "/nowhere", heading: "No such page" },
];

const THERMOSTAT = `[[http]]
route = "/thermostat/{device}"
methods = ["GET", "POST"]
[[http]]
route = "/a-rather-long-route-that-somebody-has-thought-of/{device}/readings/{reading}/history/{*rest}"
[grants]
buckets = ["readings:ro"]
publish = ["alerts/#"]
outbound = ["https://api.example.com", "http://*.plant.local:8080"]
[limits]
timeout = "5s"
rate = "200/s"
[config]
threshold = "30"
[environment]
LEVEL = "info"
`;

/** One of everything that a page can show. Returns the pages that show it. */
export async function fill() {
  await deploy("thermostat", "http_version");
  await deploy("thermostat", "http_version_two", { manifest: THERMOSTAT });
  await deploy("counter", "kv_counter");
  await deploy("says", "http_logs");
  await deploy("fails", "http_trap");
  await deploy("inbox", "mqtt_fails", { manifest: '[[mqtt]]\ntopic = "in/#"\nattempts = 1\n' });
  await deploy("recorder", "mqtt_record", { query: "topic=sensors/%23" });
  await deploy("nightly", "schedule_record", { query: "schedule=0 3 * * *&bucket=default" });
  // One database that a function has, and one that was left behind.
  for (const name of ["ledger", "left-behind"]) {
    await deploy(name, "sql_run", { query: `database=${name}` });
    await call(`/${name}?database=${name}`, { method: "POST", body: "CREATE TABLE entries (amount INTEGER)" });
  }
  await ask("DELETE", "/functions/left-behind");
  for (const path of ["/thermostat/a", "/counter", "/counter", "/says", "/fails", "/fails"]) await call(path);
  // The tree of topics counts from when somebody first asks.
  await ask("GET", "/broker/topics");
  await rawClient("gateway-7", [subscribePacket("sensors/+/temperature"), subscribePacket("alerts/#")]);
  await publish("sensors/boiler-1/temperature", '{"celsius":21.5,"at":"2026-11-26T20:51:00Z"}', ["-q", "1", "-r"]);
  await publish("sensors/boiler-2/state", "on", ["-q", "1"]);
  await publish("in/a", '{"celsius":[21.5,"é"]}', ["-q", "1"]);
  await publish("in/b/with/a/rather/long/topic/that/goes/on/and/on/for/more/than/a/line", "99", ["-q", "1"]);
  for (const [key, value] of [
    ["greeting", "hello"],
    ["readings/boiler-1", '{"celsius":21.5}'],
    ["readings/boiler-2", "20"],
  ]) {
    await ask("PUT", `/buckets/default/keys/${encodeURIComponent(key)}?ttl=1h`, value);
  }
  await ask("PUT", "/secrets/weather-key", "not to be seen");
  await ask("PUT", "/devices/boiler-1", {
    publish: ["sensors/%u/#"],
    subscribe: ["commands/%u"],
    certificates: ["boiler-1.plant"],
  });
  await until(
    "there are dead letters",
    async () => (await ask("GET", "/broker/dead-letters")).dead_letters.length === 2,
  );
  await until(
    "the trap is on record",
    async () => (await ask("GET", "/functions/fails/invocations")).invocations.length === 2,
  );
  const { invocations } = await ask("GET", "/functions/fails/invocations");
  const { invocations: counted } = await until("the count is on record", async () => {
    const list = await ask("GET", "/functions/counter/invocations");
    return list.invocations.length === 2 && list;
  });
  return filled(invocations[0].id, counted[0].id);
}

const filled = (failed, counted) => [
  { name: "overview", path: "/", heading: "Overview", shows: "thermostat" },
  {
    name: "deploy-editor",
    path: "/deploy",
    heading: "Deploy a function",
    prepare: chooseFile,
    shows: "What would come of it",
  },
  ...["overview", "invocations", "logs", "revisions", "try"].map((tab) => ({
    name: `function-${tab}`,
    path: `/functions/thermostat?tab=${tab}`,
    heading: "thermostat",
  })),
  { name: "function-failing", path: "/functions/fails", heading: "fails", shows: "Latency by the minute" },
  { name: "function-failures", path: "/functions/fails?tab=invocations&failed=true", heading: "fails", shows: "trap" },
  { name: "function-lines", path: "/functions/says?tab=logs", heading: "says", shows: "on standard output" },
  {
    name: "function-mqtt-try",
    path: "/functions/recorder?tab=try&event=mqtt",
    heading: "recorder",
    shows: "Send the message",
  },
  { name: "function-schedule", path: "/functions/nightly", heading: "nightly", shows: "0 3 * * *" },
  {
    name: "invocation-failed",
    path: `/functions/fails/invocations/${failed}`,
    heading: /^Invocation/,
    shows: "asked to panic",
  },
  { name: "invocation", path: `/functions/counter/invocations/${counted}`, heading: /^Invocation/, shows: /keyvalue/ },
  { name: "topics", path: "/topics", heading: "Topics", shows: "boiler-1" },
  {
    name: "topics-chosen",
    path: "/topics?filter=sensors%2Fboiler-1%2Ftemperature",
    heading: "Topics",
    shows: "Retained message",
  },
  {
    name: "topics-publish",
    path: "/topics?filter=sensors%2F%23",
    heading: "Topics",
    prepare: openPublish,
    shows: "The same on the command line",
  },
  { name: "clients", path: "/clients", heading: "Clients", shows: "gateway-7" },
  { name: "client", path: "/clients?client=gateway-7", heading: "Clients", shows: "Session of gateway-7" },
  { name: "dead-letters", path: "/dead-letters", heading: "Dead letters", shows: "in/a" },
  {
    name: "dead-letter",
    path: "/dead-letters?function=inbox",
    heading: "Dead letters",
    prepare: openLetter,
    shows: "Why inbox could not handle it",
  },
  { name: "buckets", path: "/buckets", heading: "Buckets", shows: "default" },
  { name: "bucket", path: "/buckets/default", heading: "default", shows: "greeting" },
  { name: "key", path: "/buckets/default?key=readings%2Fboiler-1", heading: "default", shows: "celsius" },
  { name: "access", path: "/access", heading: "Access", shows: "boiler-1" },
  { name: "access-secrets", path: "/access?tab=secrets", heading: "Access", shows: "weather-key" },
  { name: "access-tokens", path: "/access?tab=tokens", heading: "Access", shows: "Valid for" },
  { name: "access-databases", path: "/access?tab=databases", heading: "Access", shows: "left-behind" },
  { name: "settings", path: "/settings", heading: "Settings", shows: "--drain-timeout" },
];

async function chooseFile(page) {
  const input = page.locator("input[type=file]").first();
  if (await input.count()) await input.setInputFiles(guestPath("kv_counter"));
  await page.getByText("reads and writes the bucket").waitFor();
}

async function openPublish(page) {
  const button = page.getByRole("button", { name: "Publish a message" });
  if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
}

async function openLetter(page) {
  await page.getByRole("button", { name: "in/a", exact: true }).click();
}
