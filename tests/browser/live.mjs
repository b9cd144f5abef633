// What happens on the host is seen as it happens: in the feed, in the title, in the log; also after the host was away.
import assert from "node:assert/strict";
import { OwnHost, call, deploy, publish } from "./host.mjs";
import { connectionIs, feedIs, goTo, isMarked, markPage, open, run, signIn, step, until } from "./lib.mjs";

const eventsOf = (page) => page.getByRole("group", { name: "Events", exact: true });
const row = (page, text) => eventsOf(page).getByRole("listitem").filter({ hasText: text });

async function ofTheFirst(tab, deployments) {
  const { page } = tab;
  for (const [name, guest, query] of deployments) await deploy(name, guest, { query });
  await signIn(tab);
  await page.getByRole("row", { name: /z-fails/ }).waitFor();
  await feedIs(page, "live");
  await markPage(page);
}

await run("live", async () => {
  const tab = await open();
  const { page } = tab;
  const firstFunction = () =>
    page
      .getByRole("table", { name: /^Functions/ })
      .getByRole("rowheader")
      .first()
      .innerText();

  /** Its lines, of which each has a bar. */
  async function waterfall() {
    const time = page.getByRole("region", { name: "Where its time went" });
    const lines = await time.locator("tbody tr").allInnerTexts();
    assert.equal(await time.locator(".waterfall-bar").count(), lines.length);
    return lines.map((text) => text.trim());
  }

  await ofTheFirst(tab, [
    ["a-works", "http_version"],
    ["m-handles", "mqtt_works", "topic=live/%23"],
    ["says", "http_log_text"],
    ["tells", "http_publish", "publish=granted/%23"],
    ["z-fails", "http_trap", ""],
  ]);

  await step("a request is in the feed without a reload", async () => {
    assert.equal(await row(page, "GET /a-works").count(), 0);
    assert.equal((await call("/a-works")).text, "v1");
    await row(page, "GET /a-works").waitFor();
    assert.match(await row(page, "GET /a-works").innerText(), /a-works\s[^]*ok/);
    assert.ok(await isMarked(page));
  });

  await step("so is an MQTT message to a function, and the client that sent it", async () => {
    await publish("live/kitchen", "21.5", ["-i", "kitchen-sensor", "-q", "1"]);
    await row(page, "live/kitchen").waitFor();
    assert.match(await row(page, "live/kitchen").innerText(), /m-handles[^]*ok/);
    await row(page, "kitchen-sensor").first().waitFor();
    assert.ok(await isMarked(page));
  });

  await step("a failing function moves to the top of the table", async () => {
    assert.equal(await firstFunction(), "a-works");
    await call("/z-fails");
    await until("it is the first", async () => (await firstFunction()) === "z-fails");
    const failures = page.getByRole("link", { name: "1 failures of z-fails" });
    await failures.waitFor();
    await row(page, "GET /z-fails").waitFor();
  });

  await step("the title counts what fails while nobody looks", async () => {
    // Without windows Chromium hides no tab, whatever lies before it: the page is told so.
    const look = (hidden) =>
      page.evaluate((value) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await look(true);
    assert.equal(await page.title(), "Overview · Tidegate");
    for (let count = 1; count <= 2; count += 1) {
      await call("/z-fails");
      await until(`the title counts ${count}`, async () => (await page.title()) === `(${count}) Overview · Tidegate`);
    }
    await look(false);
    await until(
      "the title is as before once somebody looks",
      async () => (await page.title()) === "Overview · Tidegate",
    );
    assert.ok(await isMarked(page));
  });

  await step("one click leads to why it failed, what it said and where the time went", async () => {
    await row(page, "/z-fails").first().getByRole("link", { name: /^GET/ }).click();
    await page.getByRole("heading", { level: 1, name: /^Invocation / }).waitFor();
    const ended = page.getByRole("region", { name: "How it ended" });
    await ended.getByText("To blame is the function").waitFor();
    assert.match(
      await ended.locator(".reason").innerText(),
      /^the function was aborted[^]*wasm `unreachable` instruction executed/,
    );
    const said = page.getByRole("region", { name: "What it logged" });
    assert.match(await said.innerText(), /asked to panic/);
    const bars = await waterfall();
    for (const part of [/^instantiate\b/i, /^run\b/i])
      assert.ok(
        bars.some((text) => part.test(text)),
        bars.join(" | "),
      );
  });

  await step("the waterfall has a bar for each call of a capability, and says which one failed", async () => {
    await call("/tells?topic=forbidden/topic");
    await goTo(tab, "/", "Overview");
    await row(page, "GET /tells").first().getByRole("link", { name: /^GET/ }).click();
    await page.getByRole("heading", { level: 1, name: /^Invocation / }).waitFor();
    const bars = await until("the call is there", async () => {
      const found = await waterfall();
      return found.some((text) => /^mqtt publish\s+forbidden\/topic/.test(text)) && found;
    });
    assert.ok(
      bars.some((text) => /`forbidden\/topic` is not granted/.test(text)),
      bars.join(" | "),
    );
  });

  await step("a line appears in the log as it is written", async () => {
    await goTo(tab, "/functions/says?tab=logs", "says");
    const lines = page.getByRole("group", { name: "Log lines" });
    await page.getByText("It has logged nothing yet").waitFor();
    await call("/says", { method: "POST", body: "the kettle boils" });
    await until("both lines are there", async () => (await lines.getByText("the kettle boils").count()) >= 2);
    const sources = await lines.locator(".log-source").allInnerTexts();
    assert.deepEqual(sources.sort(), ["logging", "stdout"]);
    await lines.getByRole("link").first().click();
    await page.getByRole("heading", { level: 1, name: /^Invocation / }).waitFor();
    assert.ok(await isMarked(page));
  });

  await step("a paused feed counts what it does not show, and then shows it", async () => {
    await goTo(tab, "/", "Overview");
    await row(page, "POST /says").waitFor();
    // What else happens on the host is not to be counted.
    await page.getByRole("searchbox", { name: "Filter events" }).fill("a-works");
    const rows = () => row(page, "GET /a-works/n-").count();
    const before = await rows();
    await page.getByRole("button", { name: "Pause" }).click();
    for (let n = 0; n < 5; n += 1) await call(`/a-works/n-${n}`);
    await until("the five are counted", async () => (await page.locator(".tail-state").innerText()) === "paused (+5)");
    assert.equal(await rows(), before);
    await page.getByRole("button", { name: "Continue" }).click();
    await until("the five are shown", async () => (await rows()) === before + 5);
    await page.keyboard.press("p");
    await page.locator(".tail-state").getByText("paused (+0)").waitFor();
    await call("/a-works/last");
    await page.getByRole("button", { name: /^Jump to the newest/ }).click();
    await row(page, "GET /a-works/last").waitFor();
  });

  await step("a host that was killed and comes back is followed again", async () => {
    const host = new OwnHost();
    const { admin, http } = await host.start();
    const options = { admin, token: await host.token("admin") };
    await deploy("again", "http_version", options);
    const follower = await open();
    // The browser tells of every attempt to reach a host that is not there.
    follower.expect(/net::ERR_/);
    await signIn(follower, options.token, "/", admin);
    const light = (word) => connectionIs(follower.page, word);
    await light("live");
    await follower.page.getByRole("row", { name: /again/ }).waitFor();
    await markPage(follower.page);
    await host.kill();
    await light("reconnecting");
    await light("offline");
    await follower.page.getByText("The host does not answer.").first().waitFor();
    assert.ok(await follower.page.getByRole("row", { name: /again/ }).isVisible(), "what was known is shown on");
    await host.start();
    await light("live");
    await follower.page.getByText("The host does not answer.").first().waitFor({ state: "hidden" });
    assert.equal((await call("/again", {}, http)).text, "v1");
    await row(follower.page, "GET /again").waitFor();
    assert.ok(await isMarked(follower.page));
  });
});
