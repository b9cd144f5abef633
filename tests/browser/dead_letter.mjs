// A message that its function could not handle: looked at, tried again once that is mended, or dropped.
import assert from "node:assert/strict";
import { api, ask, deploy, publish } from "./host.mjs";
import { connectionIs, given, open, run, signIn, step, until } from "./lib.mjs";

const FAILING = `[[mqtt]]
topic = "in/#"
attempts = 1
`;
const PAYLOAD = '{"celsius":[21.5,"é"]}';
const HEX = Buffer.from(PAYLOAD).toString("hex").replace(/../g, "$& ").trim();

const letters = async () => (await ask("GET", "/broker/dead-letters")).dead_letters;
const value = async (key) => {
  const { status, text } = await api("GET", `/buckets/default/keys/${encodeURIComponent(key)}`);
  return status === 200 ? text : null;
};

await run("dead_letter", async () => {
  const tab = await open();
  const { page } = tab;
  const topic = (name) => page.getByRole("button", { name, exact: true });
  const dialog = page.getByRole("dialog", { name: "Dead letter" });

  await deploy("inbox", "mqtt_fails", { manifest: FAILING });
  await signIn(tab, given.deployerToken, "/dead-letters");
  await page.getByText("No dead letters", { exact: true }).waitFor();
  await connectionIs(page, "live");

  await step("a message that fails appears as a dead letter, without a reload", async () => {
    await publish("in/a", PAYLOAD, ["-q", "1"]);
    await topic("in/a").waitFor();
    const row = await page
      .getByRole("row")
      .filter({ has: topic("in/a") })
      .innerText();
    assert.match(row, /inbox/);
    assert.match(row, /attempt 1/);
    assert.equal((await letters()).length, 1);
  });

  await step("its payload is shown as JSON, as text and in hexadecimal", async () => {
    await topic("in/a").click();
    await dialog.waitFor();
    const payload = dialog.getByRole("group", { name: "Payload", exact: true });
    const shown = (view) =>
      dialog.getByRole("group", { name: "Show payload as" }).getByRole("button", { name: view, exact: true });
    await payload.waitFor();
    assert.equal(await shown("JSON").getAttribute("aria-pressed"), "true");
    const json = await payload.innerText();
    assert.match(json, /\n/, "it is not indented");
    assert.deepEqual(JSON.parse(json), JSON.parse(PAYLOAD));
    await shown("text").click();
    assert.equal(await payload.innerText(), PAYLOAD);
    await shown("hex").click();
    const dump = await payload.innerText();
    const digits = dump
      .split("\n")
      .map((line) => line.slice(10, 57).trim())
      .join(" ");
    assert.equal(digits, HEX, dump);
    const facts = (await dialog.innerText()).replace(/\s+/g, " ");
    assert.match(facts, /Why inbox could not handle it .*attempt 1 of/);
    assert.match(facts, /Attempts 1/);
  });

  await step("tried again by the same function it comes back", async () => {
    const [before] = await letters();
    await dialog.getByRole("button", { name: "Retry", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    await until("it has failed once more", async () => {
      const [now] = await letters();
      return now && now.last_attempt_at !== before.last_attempt_at;
    });
    await topic("in/a").waitFor();
  });

  await step("tried again after the function was mended it goes", async () => {
    await deploy("inbox", "mqtt_record", { query: "topic=in/%23" });
    assert.equal(await value("in/a"), null);
    await topic("in/a").click();
    await dialog.getByRole("button", { name: "Retry", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await until("it was handled", () => value("in/a")), PAYLOAD);
    await page.getByText("No dead letters", { exact: true }).waitFor();
    assert.deepEqual(await letters(), []);
  });

  await step("dropping one asks, and leaves the others", async () => {
    await deploy("inbox", "mqtt_fails", { manifest: FAILING });
    for (const name of ["in/b", "in/c"]) await publish(name, "99", ["-q", "1"]);
    await topic("in/b").waitFor();
    await topic("in/c").waitFor();
    await topic("in/b").click();
    await dialog.getByRole("button", { name: "Drop", exact: true }).click();
    const question = page.getByRole("dialog", { name: "Drop this dead letter?" });
    await question.getByText("The message is gone for good").waitFor();
    await question.getByRole("button", { name: "Cancel" }).click();
    await question.waitFor({ state: "hidden" });
    assert.equal((await letters()).length, 2);
    await dialog.getByRole("button", { name: "Drop", exact: true }).click();
    await question.getByRole("button", { name: "Drop", exact: true }).click();
    await topic("in/b").waitFor({ state: "hidden" });
    assert.deepEqual(
      (await letters()).map((one) => one.topic),
      ["in/c"],
    );
    await topic("in/c").waitFor();
  });

  await step("what somebody else drops goes by itself", async () => {
    await publish("in/d", "99", ["-q", "1"]);
    await topic("in/d").waitFor();
    const letter = (await letters()).find((one) => one.topic === "in/d");
    await ask("DELETE", `/broker/dead-letters/inbox/${letter.id}`);
    await topic("in/d").waitFor({ state: "hidden" });
    await topic("in/c").waitFor();
  });

  await step("dropping all of a function asks for its name", async () => {
    await page.getByRole("combobox", { name: /^Function/ }).selectOption("inbox");
    await page.getByRole("button", { name: "Drop all" }).click();
    const question = page.getByRole("dialog", { name: "Drop all dead letters of inbox?" });
    const button = question.getByRole("button", { name: "Drop all" });
    assert.ok(await button.isDisabled());
    await question.getByLabel("Type inbox to confirm").fill("inbo");
    assert.ok(await button.isDisabled());
    await question.getByLabel("Type inbox to confirm").fill("inbox");
    await button.click();
    await page.getByText("inbox has no dead letters").waitFor();
    assert.deepEqual(await letters(), []);
  });
});
