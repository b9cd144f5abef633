// What strangers write is text and stays text, in every view that shows it: nothing runs, nothing is made of it, and it
// can be read as it was written.
import assert from "node:assert/strict";
import { ask } from "./host.mjs";
import * as seed from "./hostile_seed.mjs";
import { typed } from "./hostile_typed.mjs";
import { check, feedIs, open, run, signIn, step, until } from "./lib.mjs";
import { PAYLOADS, short } from "./payloads.mjs";
import { traces, watch } from "./traces.mjs";

const encoded = encodeURIComponent;

await run("hostile", async () => {
  assert.ok(PAYLOADS.length >= 60 && new Set(PAYLOADS).size === PAYLOADS.length);
  const tab = await open();
  const { page } = tab;
  // Names that are none, and functions that there are not: told with 4xx, which Chromium puts on the console.
  tab.expect(/status of 4\d\d /);

  const watcher = await watch(tab);
  const { go, heading, shows, isIntact, clean } = watcher;

  await step("the watch sees what it watches for", async () => {
    const bait = await open({ watched: false });
    await signIn(bait);
    await bait.page.evaluate(() => {
      const main = document.querySelector("main");
      const link = document.createElement("a");
      link.href = "javascript:alert(1)";
      link.setAttribute("on-and-on", "");
      main.append(document.createElement("img"), link);
      setTimeout(() => alert(1));
      Object.prototype.polluted = 1;
      // The policy has browsers refuse text where HTML is made of it.
      setTimeout(() => (main.innerHTML = "<b>bold</b>"));
    });
    await until("the dialog is seen", () => bait.dialogs.length === 1);
    await until("the violation is seen", () => bait.violations.length > 0 && bait.errors.length > 0);
    const found = await traces(bait.page);
    for (const what of ["elements", "handlers", "links", "globals"])
      assert.notDeepEqual(found[what], clean[what], what);
    await bait.page.close();
  });

  await step("names that are none are refused", seed.names);
  const { routes, filters } = await step(
    "routes and topic filters are taken as far as their grammars go",
    seed.triggers,
  );
  const configured = await step("a manifest has them as configuration", seed.config);
  const messages = await step("messages are retained", seed.messages);
  const permitted = await step("a device may publish to them", seed.permissions);
  await step("a function logs them", seed.logs);
  const failed = await step("functions fail with them", seed.errors);
  const keys = await step("a bucket holds them", seed.keys);

  const clients = await step("clients with such names connect before everybody's eyes", async () => {
    await go("/");
    await heading("Overview");
    const admitted = await seed.clients();
    await shows("the feed on the Overview, clients", admitted);
    return admitted;
  });

  await step("deployments by such people are in the feed", async () => {
    const subjects = await seed.subjects();
    await shows("the feed on the Overview, actors", subjects);
    await shows("the functions on the Overview", [...routes, ...filters]);
    await go("/functions/owned?tab=revisions");
    await heading("owned");
    const { revisions } = await ask("GET", "/functions/owned/revisions");
    await shows(
      "the revisions of a function",
      revisions.map((one) => one.created_by),
    );
  });

  await step("logs, invocations and their calls", async () => {
    await go("/functions/says?tab=logs");
    await heading("says");
    await shows("the log of a function", PAYLOADS);
    const { logs } = await ask("GET", "/functions/tells/logs?limit=500");
    await go("/functions/tells?tab=logs");
    await heading("tells");
    await shows(
      "the log with errors",
      logs.map((one) => one.message),
    );
    const { invocations } = await ask("GET", "/functions/tells/invocations?limit=200");
    for (const { id } of invocations.filter((_, index) => index % 3 === 0)) {
      const { spans } = await ask("GET", `/functions/tells/invocations/${id}`);
      await go(`/functions/tells/invocations/${id}`);
      await shows(
        "an invocation",
        spans.flatMap(({ detail, error }) => [detail, error].filter(Boolean)),
      );
    }
  });

  await step("configuration, and what sets revisions apart", async () => {
    await go("/functions/configured?tab=revisions");
    await heading("configured");
    await page.getByRole("heading", { name: /^Configuration of/ }).waitFor();
    await shows("the configuration", configured);
    const body = await page
      .getByRole("region", { name: /^Configuration of/ })
      .locator("tbody tr")
      .count();
    assert.equal(body, configured.length, "each key has its line, also __proto__");
  });

  await step("topics and messages", async () => {
    await go("/topics");
    await heading("Topics");
    const filter = page.getByRole("searchbox", { name: "Filter topics" });
    await filter.fill("t/");
    await shows(
      "the tree of topics",
      messages.flatMap(({ topic }) => topic.split("/")),
    );
    await filter.fill("");
    await go("/topics?filter=t/%23");
    await feedIs(page, "live");
    await seed.messages();
    await shows(
      "the tail of messages",
      messages.flatMap(({ topic, payload }) => [topic, payload]),
    );
    for (const { topic, payload } of messages) {
      await go(`/topics?filter=${encoded(topic)}`);
      await page.getByRole("heading", { name: "Retained message" }).waitFor();
      // Bytes that are no readable text are shown in hexadecimal.
      const isText = !/[\u0000-\u0008\u000e-\u001f]/.test(payload);
      await shows("a retained message", isText ? [topic, payload] : [topic]);
    }
  });

  await step("sessions of clients", async () => {
    await go("/clients");
    await heading("Clients");
    await shows("the sessions", clients);
    for (const client of clients) {
      await go(`/clients?client=${encoded(client)}`);
      await page.getByRole("dialog").getByText("Subscriptions").first().waitFor();
      await shows("the session of a client", [client, client.replaceAll(/[+#]/g, "")]);
    }
  });

  await step("dead letters and their reasons", async () => {
    await go("/dead-letters");
    await heading("Dead letters");
    const { dead_letters: letters } = await ask("GET", "/broker/dead-letters");
    assert.equal(letters.length, failed.length);
    for (const payload of failed)
      check(
        letters.some(({ reason }) => reason.includes(payload.slice(0, 40))),
        `no reason has ${short(payload)}`,
      );
    await shows(
      "the dead letters",
      letters.map(({ reason }) => reason.split("\n")[0]),
    );
    for (let index = 0; index < letters.length; index += 1) {
      await page.locator("tbody th button").nth(index).click();
      await page.getByRole("dialog", { name: "Dead letter" }).getByText(/^Why/).waitFor();
      await isIntact("a dead letter");
      await page.keyboard.press("Escape");
    }
  });

  await step("keys and values", async () => {
    await go("/buckets/default");
    await heading("default");
    await shows("the keys of a bucket", keys);
    for (const key of keys) {
      await go(`/buckets/default?key=${encoded(key)}`);
      await page.getByRole("dialog").getByRole("group", { name: "Value", exact: true }).waitFor();
      await isIntact("the value of a key");
    }
  });

  await typed(tab, watcher, permitted);
});
