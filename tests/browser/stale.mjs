// A page that is older than its host, a connection that breaks, and a session that ends in the middle of it all.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { call, deploy } from "./host.mjs";
import { atEnd, check, connectionIs, given, goTo, isMarked, markPage, open, run, signIn, step, until } from "./lib.mjs";

/** Stands between the browser and the host, and can be cut. */
class Wire {
  sockets = new Set();

  constructor(target) {
    const { hostname, port } = new URL(target);
    this.server = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ]) {
        this.sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => (this.sockets.delete(one), other.destroy()));
        one.pipe(other);
      }
    });
    atEnd(() => this.cut());
  }

  /** On the port of the time before, if there was one. */
  async open() {
    const listens = (resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.port ?? 0, "127.0.0.1", () => (this.server.off("error", reject), resolve(true)));
    };
    await until("the port is free", () => new Promise(listens));
    this.port = this.server.address().port;
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends what there is; new connections are taken. */
  interrupt() {
    for (const socket of this.sockets) socket.destroy();
  }

  async cut() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.interrupt();
    await closed;
  }
}

await run("stale", async () => {
  const tab = await open();
  const { page, context } = tab;
  const wire = new Wire(given.admin);
  const admin = await wire.open();
  const light = (word) => connectionIs(page, word);
  const banner = page.getByRole("status").filter({ hasText: "The host now runs version" });

  /** Every word that the connection goes through from now on, in their order. */
  const watch = () =>
    page.evaluate(() => {
      const light = document.querySelector(".side-foot .light");
      window.words = [light.textContent];
      new MutationObserver(() => {
        if (window.words.at(-1) !== light.textContent) window.words.push(light.textContent);
      }).observe(light, { childList: true, characterData: true, subtree: true });
    });
  const words = () => page.evaluate(() => window.words);
  const isLiveAgain = () =>
    until("it is live again", async () => {
      const seen = await words();
      return seen.length > 1 && seen.at(-1) === "live";
    });

  // The browser tells of every attempt that fails.
  tab.expect(/net::ERR_/);
  await deploy("steady", "http_version");
  await signIn(tab, given.adminToken, "/", admin);
  await light("live");

  await step("an interruption is called reconnecting, and mends itself", async () => {
    await watch();
    await markPage(page);
    wire.interrupt();
    await isLiveAgain();
    assert.deepEqual(await words(), ["live", "reconnecting", "live"]);
  });

  await step("what happens meanwhile is not lost", async () => {
    const events = page.getByRole("group", { name: "Events", exact: true });
    /** Is it shown or, if that is all that can be said, told that something was missed? */
    const isTold = (event) => async () =>
      (await events.getByText(event).count()) + (await events.getByText(/^missed/).count()) > 0;
    for (const [when, event] of [
      ["before the first event", "GET /steady/one"],
      ["after events", "GET /steady/two"],
    ]) {
      const reopened = watch();
      wire.interrupt();
      await call(event.slice(4));
      await reopened;
      await isLiveAgain();
      const told = await until(`${event} is told`, isTold(event)).catch(() => false);
      check(told, `an event while the connection was interrupted ${when} is lost and not told as missed`);
      if (!told) await call("/steady/between");
      if (!told) await events.getByText("GET /steady/between").waitFor();
    }
  });

  await step("a host that stays away is called offline, and its state unknown", async () => {
    await light("live");
    await watch();
    await wire.cut();
    await light("offline");
    assert.deepEqual(await words(), ["live", "reconnecting", "offline"]);
    assert.match(await page.locator(".host-state").innerText(), /Host\s+unknown/);
    await page.getByText("The host does not answer.").first().waitFor();
    assert.ok(await page.getByRole("row", { name: /steady/ }).isVisible(), "what was known is shown on");
  });

  await step("when it is back the page is live, without a reload", async () => {
    await wire.open();
    await light("live");
    await until("it is healthy", async () => /Host\s+healthy/.test(await page.locator(".host-state").innerText()));
    await page.getByText("The host does not answer.").first().waitFor({ state: "hidden" });
    assert.ok(await isMarked(page));
    assert.equal(await banner.count(), 0, "the version is the same");
  });

  await step("an answer from before a change is not the last word", async () => {
    const set = async (name) => {
      await page.getByRole("button", { name: "Set a secret" }).click();
      const dialog = page.getByRole("dialog", { name: "Set a secret" });
      await dialog.getByLabel("Name", { exact: true }).fill(name);
      await dialog.getByLabel("Value", { exact: true }).fill("hidden");
      await page.keyboard.press("Enter");
      await page.getByText(`The secret ${name} is set`).waitFor();
    };
    await goTo(tab, "/access?tab=secrets", "Access");
    await page.getByText("No secrets yet").waitFor();
    let isRead = false;
    let release = null;
    const released = new Promise((resolve) => (release = resolve));
    const hold = async (route) => {
      const response = await route.fetch();
      isRead = true;
      await released;
      await route.fulfill({ response });
    };
    await page.route("**/api/v1/secrets", hold, { times: 1 });
    await set("first");
    await until("the list is read after the first", () => isRead);
    await set("second");
    release();
    await page.getByRole("row", { name: /first/ }).waitFor();
    await page.getByRole("row", { name: /second/ }).waitFor();
  });

  await step("a host of another version has the page ask for a reload, which is what it takes", async () => {
    let replaced = 0;
    const LIVE = "**/api/v1/live?*";
    await page.route(LIVE, (route) => {
      replaced += 1;
      const hello = { version: "999.0.0", boot: "1" };
      return route.fulfill({
        contentType: "text/event-stream",
        // No second try by itself: it would find the real host, and the banner would go before it is clicked.
        body: `retry: 3600000\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`,
      });
    });
    wire.interrupt();
    await banner.waitFor();
    assert.match(await banner.innerText(), /now runs version 999\.0\.0/);
    assert.ok(replaced > 0);
    await goTo(tab, "/settings", "Settings");
    assert.ok(await banner.isVisible(), "it is asked on every page");
    assert.ok(await isMarked(page), "nobody's work is thrown away unasked");
    await page.unroute(LIVE);
    await banner.getByRole("button", { name: "Reload" }).click();
    await until("the page is another one", async () => !(await isMarked(page)));
    await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
    await light("live");
    assert.equal(await banner.count(), 0);
  });

  await step("a session that ends in the middle leads to the sign-in, and back to the same page", async () => {
    tab.expect(/status of 401/);
    await goTo(tab, "/functions/steady?tab=logs", "steady");
    await markPage(page);
    await context.clearCookies();
    await page.getByRole("heading", { level: 1, name: "Sign in to Tidegate" }).waitFor();
    assert.equal(await page.locator(".field-error").count(), 0, "nobody is told off for a session that ended");
    await page.getByLabel("Token", { exact: true }).fill(given.viewerToken);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "steady" }).waitFor();
    assert.equal(await page.getByRole("tab", { selected: true }).innerText(), "Logs");
    assert.ok(await isMarked(page));
    await light("live");
    assert.match(await page.locator(".identity").innerText(), /viewer/);
  });
});
