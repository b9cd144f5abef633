// Who may only look is offered nothing but looking, on any page; and the API does not do it for them either.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { api, ask, guestPath } from "./host.mjs";
import { check, given, open, run, signIn, step } from "./lib.mjs";
import { EMPTY, fill } from "./pages_list.mjs";

/** What one may do while only looking: everything else on a page is held to be a control that changes something. */
const HARMLESS = [
  /^(Copy|Download|Show|Hide|Jump to|Filter|Clear the filter|To |Close|Read again|Try again|Compare|Follow|Pause|Continue|See )/,
  /^(JSON|text|hex|all|failures|deployments|broker|Overview|Topics|Clients|Dead letters|Buckets|Access|Settings|Failed only)$/,
  /^(Level|Source|Function|Topic filter|Keys that begin with|Backtrace, )/,
];
/** What leads to what it names: an event, a topic, a figure, a time. */
const NAMES = /^((GET|POST) \/|(sensors|in|alerts|commands)\/|[\d\u202f])/;
const inEveryRow = (name) => /^[a-z0-9][a-z0-9-]*$/.test(name) || /^\//.test(name);

/** Each must be there for an admin, else this test looks for what is not called so any more. */
const DANGEROUS = {
  overview: [/^Deploy$/, /^Deploy a function$/],
  "function-overview": [/^Try it$/, /^Deploy a new revision$/, /^Delete$/],
  "function-revisions": [/^Roll back to revision 1$/],
  "function-try": [/^Send the request$/],
  "function-mqtt-try": [/^Send the message$/],
  invocation: [/^Run again$/],
  "topics-chosen": [/^Publish a message$/, /^Clear$/],
  client: [/^End the session$/],
  "dead-letter": [/^Retry all$/, /^Drop all$/, /^Retry$/, /^Drop$/],
  bucket: [/^New key$/],
  key: [/^Edit$/, /^Delete$/],
  access: [/^Add a device$/, /^Change boiler-1$/, /^New password for boiler-1$/, /^Delete boiler-1$/],
  "access-secrets": [/^Set a secret$/, /^New value for weather-key$/, /^Delete weather-key$/],
  "access-tokens": [/^Make a token$/, /^For whom/],
  "access-databases": [/^Delete left-behind$/],
  settings: [/^Log filter/, /^Change$/],
};
/** Those that a deployer has not got either. */
const ADMINS_ONLY = ["access", "access-secrets", "access-tokens", "access-databases", "settings"];

/** The names of all that can be worked on the page: what the menu, the page and an open dialog have. */
const controlsOf = (page) =>
  page.evaluate(() => {
    const found = document.querySelectorAll(
      "nav[aria-label=Pages] a, main :is(button, a[href], input, select, textarea, summary), dialog[open] :is(button, a[href], input, select, textarea)",
    );
    // What names a row, sorts a column or chooses a part of the page leads somewhere, and does nothing.
    const isOfATable = (one) =>
      one.matches("thead button.sort, tbody th a, tbody th button.link, [role=tab], nav.crumbs a, nav.groups a");
    const nameOf = (one) =>
      one.getAttribute("aria-label") ?? (one.labels?.[0]?.textContent || one.textContent || one.placeholder);
    return [...found]
      .filter((one) => one.checkVisibility() && !isOfATable(one))
      .map((one) => nameOf(one).trim().replace(/\s+/g, " "));
  });

async function visit(tab, { path, heading, shows, prepare }, isLimited) {
  const { page } = tab;
  await page.evaluate((hash) => {
    location.hash = hash;
  }, path);
  await page.getByRole("heading", { level: 1, name: heading }).first().waitFor();
  // What some pages are prepared by, or show, is what a viewer must not have.
  if (!isLimited) await prepare?.(page);
  if (!isLimited && shows) await page.getByText(shows).locator("visible=true").first().waitFor();
  await page.locator(".loading").first().waitFor({ state: "hidden" });
  return controlsOf(page);
}

const component = await readFile(guestPath("http_version"));
/** What changes something, by the least role that may. */
const CHANGES = [
  ["PUT", "/functions/new", component, "deployer"],
  ["POST", "/functions/new?dry_run=true", component, "deployer"],
  ["DELETE", "/functions/counter", undefined, "deployer"],
  ["POST", "/functions/thermostat/rollback", { revision: 1 }, "deployer"],
  ["POST", "/functions/counter/invoke", { http: { method: "GET", path: "/counter", headers: [] } }, "deployer"],
  ["PUT", "/buckets/default/keys/greeting", "changed", "deployer"],
  ["DELETE", "/buckets/default/keys/greeting", undefined, "deployer"],
  ["GET", "/buckets/default/keys/greeting", undefined, "deployer"],
  ["POST", "/broker/publish", { topic: "a", payload: "b", qos: 0, retain: true }, "deployer"],
  ["DELETE", "/broker/clients/gateway-7", undefined, "deployer"],
  ["POST", "/broker/dead-letters/inbox/retry", undefined, "deployer"],
  ["DELETE", "/broker/dead-letters/inbox", undefined, "deployer"],
  ["PUT", "/secrets/weather-key", "changed", "admin"],
  ["DELETE", "/secrets/weather-key", undefined, "admin"],
  ["DELETE", "/databases/left-behind", undefined, "admin"],
  ["PUT", "/devices/intruder", { publish: ["#"], subscribe: ["#"] }, "admin"],
  ["POST", "/devices/boiler-1/password", undefined, "admin"],
  ["DELETE", "/devices/boiler-1", undefined, "admin"],
  ["POST", "/tokens", { subject: "me", role: "admin", ttl: "1d" }, "admin"],
  ["PUT", "/log-filter", { filter: "trace" }, "admin"],
];

/** What the host has, as far as the changes above would change it. */
async function state() {
  const paths = [
    "/functions",
    "/functions/thermostat",
    "/buckets/default/keys",
    "/broker/dead-letters",
    "/secrets",
    "/databases",
    "/devices",
    "/log-filter",
  ];
  const read = await Promise.all(paths.map((path) => ask("GET", path)));
  // Times and counters go on by themselves.
  const { functions } = read.shift();
  const { clients } = await ask("GET", "/broker/clients");
  const { activity, ...thermostat } = read.shift();
  const messages = await ask("GET", "/broker/messages?filter=a");
  const { text } = await api("GET", "/buckets/default/keys/greeting");
  return JSON.stringify([
    functions.map(({ name, revision }) => [name, revision]),
    thermostat.revision,
    clients.map((one) => one.client_id),
    messages,
    text,
    read,
  ]);
}

await run("viewer", async () => {
  const viewer = await open();
  const deployer = await open();
  const admin = await open();
  viewer.expect(/status of 404 .*\/functions\/nobody/, /status of 403/);

  await step("on a fresh host a viewer is offered nothing", async () => {
    await signIn(viewer, given.viewerToken);
    for (const one of EMPTY) await judge(one, await visit(viewer, one, true));
  });

  const pages = await fill();

  await step("an admin has every control that changes something", async () => {
    await signIn(admin, given.adminToken);
    for (const [name, patterns] of Object.entries(DANGEROUS)) {
      const controls = await visit(
        admin,
        pages.find((one) => one.name === name),
      );
      for (const pattern of patterns) {
        check(
          controls.some((control) => pattern.test(control)),
          `${name}: an admin has no control called ${pattern}, but ${controls.join(", ")}`,
        );
      }
    }
  });

  await step("a viewer has none of them, nor any other", async () => {
    for (const one of pages) await judge(one, await visit(viewer, one, true));
    // A dialog is opened by what a viewer may press.
    await viewer.page.evaluate(() => void (location.hash = "/dead-letters"));
    await viewer.page.getByRole("button", { name: "in/a", exact: true }).click();
    await viewer.page.getByText("Why inbox could not handle it").waitFor();
    await judge({ name: "dead-letter" }, await controlsOf(viewer.page));
  });

  function judge({ name }, controls) {
    for (const control of controls) {
      const isHarmless =
        HARMLESS.some((pattern) => pattern.test(control)) || inEveryRow(control) || NAMES.test(control);
      check(isHarmless, `${name}: a viewer has the control “${control}”`);
      const dangerous = (DANGEROUS[name] ?? []).find((pattern) => pattern.test(control));
      check(!dangerous, `${name}: a viewer has the control “${control}”`);
    }
  }

  await step("a deployer has none of those that are an admin's", async () => {
    await signIn(deployer, given.deployerToken);
    for (const name of ADMINS_ONLY) {
      const controls = await visit(
        deployer,
        pages.find((one) => one.name === name),
        true,
      );
      for (const pattern of DANGEROUS[name])
        check(
          !controls.some((control) => pattern.test(control)),
          `${name}: a deployer has a control called ${pattern}`,
        );
    }
  });

  await step(
    "the API refuses it all to a viewer, and what is an admin's to a deployer, and nothing is changed",
    async () => {
      const before = await state();
      for (const [method, path, body, least] of CHANGES) {
        for (const [role, token] of [
          ["viewer", given.viewerToken],
          ["deployer", given.deployerToken],
        ]) {
          if (role === least) continue;
          const { status, json } = await api(method, path, body, { token });
          check(
            status === 403 && json?.code === "role_insufficient",
            `${method} ${path} as ${role}: ${status} ${JSON.stringify(json)}`,
          );
        }
      }
      assert.equal(await state(), before);
    },
  );

  await step("nor does it with a viewer's session, which the browser sends by itself", async () => {
    const before = await state();
    const statuses = await viewer.page.evaluate(
      async (changes) => {
        const made = changes.map(([method, path, body]) =>
          fetch(`/api/v1${path}`, {
            method,
            body: body && JSON.stringify(body),
            headers: { "content-type": "application/json" },
          }),
        );
        return (await Promise.all(made)).map(({ status }) => status);
      },
      CHANGES.filter(([method, , body]) => method !== "GET" && !ArrayBuffer.isView(body)),
    );
    assert.deepEqual([...new Set(statuses)], [403]);
    assert.equal(await state(), before);
  });
});
