// From the sign-in to a deployed function without a pointer: everything can be reached, is seen to be reached, and the
// focus is never lost.
import assert from "node:assert/strict";
import { call, deploy, guestPath } from "./host.mjs";
import { check, given, open, run, step, until } from "./lib.mjs";

const TABS_MAX = 80;

await run("keyboard", async () => {
  const tab = await open();
  const { page } = tab;
  const press = (...keys) =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const heading = (level, name) => page.getByRole("heading", { level, name });

  /** What has the focus: in words, and whether it can be seen. A file input is drawn by its label. */
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const drawn = element.matches("input[type=file]") ? element.closest("label") : element;
      const style = getComputedStyle(drawn);
      const box = drawn.getBoundingClientRect();
      const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
      return {
        tag: element.localName,
        name: (element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText ?? "")
          .trim()
          .replace(/\s+/g, " "),
        isSeen: isOutlined && box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
        style: `${style.outlineStyle} ${style.outlineWidth} at ${Math.round(box.left)},${Math.round(box.top)} ${Math.round(box.width)}×${Math.round(box.height)}`,
      };
    });

  /** Presses Tab until what has the focus is called `name`. All that is passed must show that it has the focus. */
  async function tabTo(name, key = "Tab") {
    const passed = [];
    for (let count = 0; count < TABS_MAX; count += 1) {
      await press(key);
      const now = await focused();
      passed.push(now?.name ?? "nothing");
      if (!now) continue;
      check(now.isSeen, `the focus on ${now.tag} “${now.name}” of ${page.url()} is not seen: ${now.style}`);
      if (name.test(now.name)) return now;
    }
    throw new Error(`Tab does not lead to ${name}, but to ${passed.join(", ")}`);
  }

  /** What loses its place may take a moment to find another. */
  const keepsFocus = (after) =>
    until("something has the focus", focused).catch(() => check(false, `after ${after} the focus is lost on the body`));
  const hasFocus = (name) => until(`${name} has the focus`, async () => (await focused())?.name === name);

  /** Two keys are one shortcut only if little time lies between them, so it may take another try. */
  const goBy = (key, name) =>
    until(`g ${key} leads to ${name}`, async () => {
      await press("g", key);
      await heading(1, name).waitFor({ timeout: 3000 });
      return true;
    });

  // From now on, not from when one is about to be opened: that would be a race with the key that opens it.
  page.on("filechooser", () => undefined);
  await deploy("first", "http_version");

  await step("signing in: the field has the focus at once", async () => {
    await page.goto(given.admin);
    await hasFocus("Token");
    await page.keyboard.type(given.deployerToken);
    await press("Enter");
    await heading(1, "Overview").waitFor();
    await keepsFocus("signing in");
  });

  await step("the first stop skips to the page", async () => {
    await page.reload();
    await heading(1, "Overview").waitFor();
    await press("Tab");
    assert.equal((await focused()).name, "Skip to the page");
    assert.ok((await focused()).isSeen, "the link is not seen");
    await press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    const { name } = await tabTo(/./);
    assert.equal(name, "Deploy a function", "the first stop behind the navigation");
  });

  await step("? shows the keys, Escape closes them, and the focus is back where it was", async () => {
    await press("?");
    const keys = page.getByRole("dialog", { name: "Keys" });
    await keys.waitFor();
    assert.match(await keys.innerText(), /g\s*o\s+To Overview/);
    assert.ok(
      await keys.evaluate((dialog) => dialog.contains(document.activeElement)),
      "the focus is not in the dialog",
    );
    await press("g", "d");
    assert.ok(await heading(1, "Overview").count(), "a key goes through the dialog");
    await press("Escape");
    await keys.waitFor({ state: "hidden" });
    await hasFocus("Deploy a function");
  });

  await step("/ goes to the filter, Escape empties it", async () => {
    await press("/");
    const filter = page.getByRole("searchbox", { name: "Filter functions" });
    assert.ok(await filter.evaluate((input) => input === document.activeElement));
    await page.keyboard.type("g d?/");
    assert.equal(await filter.inputValue(), "g d?/", "keys are typed here, not obeyed");
    assert.ok(await heading(1, "Overview").count(), "they are obeyed");
    await press("Escape");
    assert.equal(await filter.inputValue(), "");
    await keepsFocus("emptying the filter");
    await press("Escape");
  });

  await step("g d and g o go to pages, and the focus goes along to their headings", async () => {
    for (const [key, name] of [
      ["d", "Deploy a function"],
      ["o", "Overview"],
      ["b", "Buckets"],
      ["d", "Deploy a function"],
    ]) {
      await goBy(key, name);
      await hasFocus(name);
    }
  });

  await step("j and k walk through the rows of a table", async () => {
    await deploy("second", "http_version_two");
    await goBy("o", "Overview");
    await page.getByRole("row", { name: /second/ }).waitFor();
    await tabTo(/^first$/);
    await press("j");
    assert.equal((await focused()).name, "second");
    await press("k");
    assert.equal((await focused()).name, "first");
    await goBy("d", "Deploy a function");
    await hasFocus("Deploy a function");
  });

  for (const key of ["Enter", "Space"]) {
    await step(`the file is chosen with ${key}`, async () => {
      await tabTo(/^Choose files$/);
      const chooser = page.waitForEvent("filechooser");
      await press(key);
      await (await chooser).setFiles(guestPath("kv_counter"));
      await page.getByRole("button", { name: /^Deploy / }).waitFor();
      await keepsFocus("choosing a file");
      if (key === "Space") return;
      await tabTo(/^Start over$/);
      await press("Enter");
      await page.getByText("Drop a WebAssembly component anywhere here").waitFor();
      await keepsFocus("starting over");
    });
  }

  await step("name and route are typed, and Enter on the button deploys", async () => {
    const name = page.getByLabel("Name", { exact: true });
    await page.evaluate(() => document.querySelector("main h1").focus());
    await tabTo(/^Name$/);
    await press("ControlOrMeta+a");
    await page.keyboard.type("by-keys");
    assert.equal(await name.inputValue(), "by-keys");
    await tabTo(/^HTTP route$/);
    await page.keyboard.type("/keys/{*rest}");
    await tabTo(/^Add another HTTP route$/);
    await press("Enter");
    await hasFocus("HTTP route 2");
    await page.keyboard.type("/more-keys");
    await tabTo(/^Remove HTTP route 2$/);
    await press("Enter");
    await hasFocus("HTTP route");
    await until("it could be deployed", () => page.getByRole("button", { name: "Deploy by-keys" }).isEnabled());
    await tabTo(/^Deploy by-keys$/);
    await press("Enter");
    await heading(2, "by-keys is live as revision 1").waitFor();
    await until("what happened has the focus", async () => /by-keys is live/.test((await focused())?.name ?? ""));
    assert.equal((await call("/keys/a")).text, "1");
    assert.equal((await call("/more-keys")).status, 404);
  });

  await step("the function is tried, and its page is reached", async () => {
    await tabTo(/^Try it ?: GET \/keys/);
    await press("Space");
    await until("the answer is shown", async () => /200/.test(await page.locator(".answer").innerText()));
    await keepsFocus("trying");
    await tabTo(/^To its page$/, "Shift+Tab");
    await press("Enter");
    await heading(1, "by-keys").waitFor();
    await hasFocus("by-keys");
  });

  await step("tabs are gone through with the arrow keys", async () => {
    await page.getByRole("tab", { name: "Overview" }).waitFor();
    await tabTo(/^Overview$/);
    const selected = () => page.getByRole("tab", { selected: true }).innerText();
    const seen = [];
    for (const key of [
      "ArrowRight",
      "ArrowRight",
      "ArrowRight",
      "ArrowRight",
      "ArrowRight",
      "ArrowLeft",
      "Home",
      "End",
    ]) {
      await press(key);
      seen.push(await selected());
      assert.equal((await focused()).name, await selected());
    }
    assert.deepEqual(seen, ["Invocations", "Logs", "Revisions", "Try it", "Overview", "Try it", "Overview", "Try it"]);
  });

  await step(
    "a dialog that asks before deleting gives the focus back, and deletes when its name was typed",
    async () => {
      await page.evaluate(() => document.querySelector("main h1").focus());
      await tabTo(/^Delete$/);
      await press("Enter");
      const dialog = page.getByRole("dialog", { name: "Delete by-keys?" });
      await dialog.waitFor();
      await press("Escape");
      await dialog.waitFor({ state: "hidden" });
      await hasFocus("Delete");
      await press("Enter");
      await dialog.waitFor();
      await tabTo(/^Type by-keys to confirm$/);
      await page.keyboard.type("by-keys");
      await press("Enter");
      await heading(1, "Overview").waitFor();
      await until("it is gone", async () => (await call("/keys/a")).status === 404);
      await keepsFocus("deleting");
      // The page that is being left asks once more for what is not there.
      tab.expect(/status of 404 .*\/functions\/by-keys/);
    },
  );
});
