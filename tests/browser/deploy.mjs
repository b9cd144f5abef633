// From a file that is dropped on the page to a function that answers.
import assert from "node:assert/strict";
import { dropFiles, fileOf } from "./drop.mjs";
import { api, ask, call, deploy, guestPath, shell } from "./host.mjs";
import { check, given, goTo, open, run, signIn, step, until } from "./lib.mjs";

const MANIFEST = `[[http]]
route = "/settings-of/{who}"
methods = ["GET"]

[config]
greeting = "good evening"
`;

const names = async () => (await ask("GET", "/functions")).functions.map(({ name }) => name).sort();

await run("deploy", async () => {
  const tab = await open();
  const { page } = tab;
  const forecast = page.getByRole("region", { name: "What would come of it" });
  const button = page.getByRole("button", { name: /^Deploy / });
  const route = page.getByLabel("HTTP route", { exact: true });
  const name = page.getByLabel("Name", { exact: true });
  const codeLine = (beginning) =>
    page
      .locator(".code-line code")
      .filter({ hasText: new RegExp(`^${beginning}`) })
      .first();
  const says = (text) =>
    until(`the forecast says ${text}`, async () => (await forecast.innerText()).replace(/\s+/g, " ").includes(text));
  const isLive = (sentence) => page.getByRole("heading", { level: 2, name: sentence }).waitFor();
  const another = async () => {
    await page.getByRole("button", { name: "Deploy another" }).click();
    await page.getByText("Drop a WebAssembly component anywhere here").waitFor();
  };

  await signIn(tab, given.deployerToken, "/deploy");
  await page.getByRole("heading", { level: 1, name: "Deploy a function" }).waitFor();
  await deploy("other", "http_version", { query: "route=/taken" });

  await step("a dropped component is told in words, and not yet deployed", async () => {
    await dropFiles(page, [await fileOf(guestPath("kv_counter"), "counter.wasm")], async () => {
      await page.getByText("Let go to have a look at it").waitFor();
    });
    await says("A new function, counter");
    await says("answers HTTP requests");
    await says("reads and writes the bucket default");
    assert.equal(await name.inputValue(), "counter");
    await until("it could be deployed", () => button.isEnabled());
    assert.deepEqual(await names(), ["other"]);
  });

  await step("a clash is told at the route, and nothing can be deployed until it is another one", async () => {
    tab.expect(/status of 409 .*\/functions\/counter\?.*dry_run=true/);
    await route.fill("/taken");
    const told = page.locator(".field", { has: route }).locator(".field-error");
    await until("the clash is told", async () => /\/taken” is a route of other already/.test(await told.innerText()));
    assert.equal(await route.getAttribute("aria-invalid"), "true");
    const described = (await route.getAttribute("aria-describedby")).split(" ");
    assert.ok(described.includes(await told.getAttribute("id")), "the route is not described by what is wrong with it");
    assert.ok(await button.isDisabled());
    assert.deepEqual(await names(), ["other"]);
    await route.fill("/count/{who}");
    await until("it could be deployed", () => button.isEnabled());
    assert.equal(await told.count(), 0);
    await says("/count/{who}");
  });

  await step("it is live, and the line with curl does what it says", async () => {
    await button.click();
    await isLive("counter is live as revision 1");
    assert.deepEqual(await names(), ["counter", "other"]);
    const line = await codeLine("curl").innerText();
    assert.match(line, /\/count\//);
    assert.equal((await shell(line)).trim(), "1", line);
  });

  await step("Try it shows what the function answered", async () => {
    await page.getByRole("button", { name: /^Try it ?: GET \/count\// }).click();
    const answer = page.locator(".answer");
    await until("the answer is shown", async () => /200/.test(await answer.innerText()));
    assert.equal((await answer.getByRole("group", { name: "Answer", exact: true }).innerText()).trim(), "2");
    assert.equal((await call("/count/me")).text, "3");
  });

  await step("the page of the function is one click away", async () => {
    await page.getByRole("link", { name: "To its page" }).click();
    await page.getByRole("heading", { level: 1, name: "counter" }).waitFor();
    assert.match(await page.getByRole("list", { name: "Triggers" }).first().innerText(), /\/count\/\{who\}/);
    assert.equal(page.url(), `${given.admin}/#/functions/counter`);
    await goTo(tab, "/deploy", "Deploy a function");
    await another();
  });

  await step("a manifest that is dropped beside the component goes with it", async () => {
    const manifest = { name: "tidegate.toml", bytes: Buffer.from(MANIFEST) };
    await dropFiles(page, [await fileOf(guestPath("config_read"), "settings.wasm"), manifest]);
    await says("A new function, settings");
    await says("/settings-of/{who}");
    await page.getByText("Show the manifest").click();
    assert.match(await page.getByRole("group", { name: "The manifest" }).innerText(), /greeting = "good evening"/);
    await until("it could be deployed", () => button.isEnabled());
    await button.click();
    await isLive("settings is live as revision 1");
    assert.match(await shell(await codeLine("curl").innerText()), /greeting=good evening/);
    const { manifest: stored } = await ask("GET", "/functions/settings");
    assert.equal(stored.config.greeting, "good evening");
    await another();
  });

  await step("a function for MQTT is asked for its topic, and handles what mosquitto_pub sends", async () => {
    tab.expect(/status of 4\d\d .*\/functions\/recorder\?.*dry_run=true/);
    await dropFiles(page, [await fileOf(guestPath("mqtt_record"), "recorder.wasm")]);
    const topic = page.getByLabel("MQTT topic filter", { exact: true });
    const told = page.locator(".field", { has: topic }).locator(".field-error");
    await until("the topic is asked for", async () => /Say on which topics/.test(await told.innerText()));
    assert.ok(await button.isDisabled());
    await topic.fill("rooms/+/light");
    await says("handles MQTT messages");
    await says("rooms/+/light");
    await until("it could be deployed", () => button.isEnabled());
    await button.click();
    await isLive("recorder is live as revision 1");
    const line = await codeLine("mosquitto_pub").innerText();
    const topicOf = /-t '?([^' ]+)'?/.exec(line)[1];
    assert.match(topicOf, /^rooms\/[^+/]+\/light$/, line);
    await shell(line);
    const recorded = await until("the message was handled", async () => {
      const { status, text } = await api("GET", `/buckets/default/keys/${encodeURIComponent(topicOf)}`);
      return status === 200 && text;
    });
    assert.ok(line.includes(recorded), `${recorded} in ${line}`);
    await page.getByRole("button", { name: /^Try it ?: A message on / }).click();
    await page.locator(".answer .badge").getByText("ok", { exact: true }).waitFor();
    const bad = await page.locator(".answer .bad-text").allInnerTexts();
    check(bad.length === 0, `what went well is told like a failure, in red: ${bad.join(", ")}`);
    await another();
  });

  await step("what is no component is explained, and nothing is stored", async () => {
    const before = await names();
    const notes = { name: "notes.wasm", bytes: Buffer.from("Dear diary, today I deployed a text.\n") };
    await dropFiles(page, [notes]);
    const alert = page.getByRole("alert").filter({ hasText: "notes.wasm is text, not a WebAssembly component" });
    await alert.waitFor();
    assert.equal(await button.count(), 0);
    // With the right beginning it takes the host to tell.
    tab.expect(/status of 4\d\d .*\/functions\/broken\?.*dry_run=true/);
    const broken = {
      name: "broken.wasm",
      bytes: Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), Buffer.alloc(99, 7)]),
    };
    await dropFiles(page, [broken]);
    await says("It cannot be deployed");
    assert.ok(await button.isDisabled());
    assert.equal(await alert.count(), 0, "what was wrong with the file before is told no more");
    assert.deepEqual(await names(), before);
    assert.equal((await api("GET", "/functions/broken")).status, 404);
  });
});
