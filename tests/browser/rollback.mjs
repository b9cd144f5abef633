// The way back to an older revision: what it would change is told in words, it is asked for, and it happens.
import assert from "node:assert/strict";
import { ask, call, deploy } from "./host.mjs";
import { given, isMarked, markPage, open, run, signIn, step, until } from "./lib.mjs";

const OLD = `[[http]]
route = "/turn"

[grants]
buckets = ["readings:ro"]
publish = ["alerts/#"]

[limits]
timeout = "5s"

[config]
threshold = "30"
only-before = "yes"
`;
const NEW = `[[http]]
route = "/turn"
[[http]]
route = "/turn/{device}"

[grants]
buckets = ["readings"]
outbound = ["https://api.example.com"]

[limits]
timeout = "9s"

[config]
threshold = "45"
`;

await run("rollback", async () => {
  const tab = await open();
  const { page } = tab;
  await deploy("turn", "http_version", { manifest: OLD });
  await deploy("turn", "http_version_two", { manifest: NEW });
  assert.equal((await call("/turn")).text, "v2");

  const row = (revision) =>
    page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: new RegExp(`^${revision}\\b`) }) });
  const isActive = async (revision) =>
    (await row(revision).locator(".badge").getByText("active", { exact: true }).count()) === 1;
  const squeezed = async (locator) => (await locator.innerText()).replace(/\s+/g, " ");

  /** All that sets the two apart, each with both of its sides. */
  async function tellsTheDifference(where) {
    const told = await squeezed(where);
    for (const words of [
      "Another component",
      "Removed Requests to /turn/{device}",
      "Changed Reads the bucket readings",
      "Added Publishes to topics that match alerts/#",
      "Removed Connects to https://api.example.com",
      "Added only-before",
      "Changed threshold",
      "Changed timeout",
    ]) {
      assert.ok(told.includes(words), `“${words}” is not in “${told}”`);
    }
    const code = await where.locator(".diff-code").allInnerTexts();
    const sides = code.map((text) => text.replace(/\s+/g, " "));
    for (const [before, after] of [
      ["45", "30"],
      ["9", "5"],
      ['buckets = "readings"', 'buckets = "readings:ro"'],
    ]) {
      assert.ok(
        sides.some((text) => text.indexOf(before) >= 0 && text.indexOf(after) > text.indexOf(before)),
        `${before} → ${after} in ${sides.join(" | ")}`,
      );
    }
  }

  await step("the tab Revisions has both, and tells in words what the older one would change", async () => {
    await signIn(tab, given.deployerToken, "/functions/turn");
    await page.getByRole("tab", { name: "Revisions" }).click();
    await until("the second is active", () => isActive(2));
    assert.equal(await isActive(1), false);
    await tellsTheDifference(page.getByRole("region", { name: "With revision 1 instead of 2" }));
    assert.match(await squeezed(page.getByRole("region", { name: "Configuration of revision 2" })), /threshold 45/);
  });

  const dialog = page.getByRole("dialog", { name: "Roll turn back to revision 1?" });
  const begin = async () => {
    await row(1)
      .getByRole("button", { name: /^Roll back/ })
      .click();
    await dialog.waitFor();
  };

  await step("rolling back asks, with the same words, and can be left", async () => {
    await begin();
    await tellsTheDifference(dialog);
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal((await call("/turn")).text, "v2");
    assert.equal((await ask("GET", "/functions/turn")).revision, 2);
  });

  await step("it rolls back: the function answers as before, and the page shows it without a reload", async () => {
    await markPage(page);
    await begin();
    await dialog.getByRole("button", { name: "Roll back", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal((await call("/turn")).text, "v1");
    assert.equal((await call("/turn/a")).status, 404, "the route of the newer revision is gone");
    await until("the first is active", () => isActive(1));
    assert.equal(await isActive(2), false);
    await page.getByRole("region", { name: "With revision 2 instead of 1" }).waitFor();
    await until("the configuration is that of the first", async () =>
      /threshold 30/.test(await squeezed(page.getByRole("region", { name: "Configuration of revision 1" }))),
    );
    await until("the head says so", async () =>
      /Revision 1 is active/.test(await squeezed(page.locator(".function-head"))),
    );
    const { revision, manifest } = await ask("GET", "/functions/turn");
    assert.deepEqual([revision, manifest.config.threshold], [1, "30"]);
    assert.ok(await isMarked(page));
  });

  await step("a rollback by somebody else shows by itself", async () => {
    // It is told for a moment only.
    const told = page.getByRole("status").filter({ hasText: "Revision 2 of turn is active now" });
    await Promise.all([told.waitFor(), ask("POST", "/functions/turn/rollback", { revision: 2 })]);
    await until("the second is active again", () => isActive(2));
    assert.ok(await isMarked(page));
  });

  await step("the overview tells of all of it", async () => {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Overview" }).click();
    const events = page.getByRole("group", { name: "Events", exact: true });
    await until("both rollbacks are in the feed", async () => (await events.getByText("rolled back").count()) === 2);
    assert.ok(await isMarked(page));
  });
});
