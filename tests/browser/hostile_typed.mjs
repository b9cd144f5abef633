// The payloads as somebody types them: into forms, filters and the address. Nothing is made of them, what they are no
// good for is refused, and a line to be pasted into a shell does what it says.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { ask, guestPath, portOf } from "./host.mjs";
import { check, directory, given, signIn, step, until } from "./lib.mjs";
import { PAYLOADS, isShown, short } from "./payloads.mjs";
import { shellIn } from "./traces.mjs";

const encoded = encodeURIComponent;

export async function typed(tab, { go, heading, shows, isIntact }, permitted) {
  const { page } = tab;

  await step("filters are typed", async () => {
    await go("/");
    const filter = page.getByRole("searchbox", { name: "Filter functions" });
    for (const payload of PAYLOADS) {
      await filter.fill(payload);
      const typed = await filter.inputValue();
      const { functions } = await ask("GET", "/functions");
      const isFound = JSON.stringify(functions)
        .toLowerCase()
        .includes(JSON.stringify(typed).slice(1, -1).toLowerCase());
      if (!isFound && typed.trim()) await shows("the filter of the Overview", [typed]);
    }
    await isIntact("the filter of the Overview");
  });

  await step("names are typed into the form for deployments", async () => {
    await go("/deploy");
    await heading("Deploy a function");
    await page.locator("input[type=file]").first().setInputFiles(guestPath("http_version"));
    const name = page.getByLabel("Name", { exact: true });
    for (const payload of PAYLOADS) {
      await name.fill(payload);
      const isName = /^[a-z0-9][a-z0-9-]{0,62}$/.test(await name.inputValue());
      const button = page.getByRole("button", { name: /^Deploy/ });
      if (!isName) assert.ok(await button.isDisabled(), `${short(payload)} could be deployed`);
      check(
        isShown(await button.textContent(), await name.inputValue()),
        `the button for ${short(payload)} says ${await button.textContent()}`,
      );
    }
    await isIntact("the form for deployments");
    await page.getByRole("button", { name: "Start over" }).click();
  });

  await step("addresses are typed", async () => {
    for (const payload of PAYLOADS) {
      for (const at of [`/functions/${encoded(payload)}`, `/buckets/${encoded(payload)}`]) {
        await go(at);
        const title = page.getByRole("heading", { level: 1 });
        await until(`${at.slice(0, 60)} is shown`, async () => isShown(await title.textContent(), payload)).catch(() =>
          check(false, `the heading at ${at.slice(0, 60)} is ${short("")}`),
        );
      }
      for (const at of [
        "/topics?filter=",
        "/clients?client=",
        "/dead-letters?function=",
        "/buckets/default?prefix=",
        "/access?tab=",
        "/functions/says?tab=",
        `/functions/says/invocations/`,
        "/",
      ]) {
        await go(at + encoded(payload));
      }
      await isIntact(`addresses with ${short(payload)}`);
    }
  });

  await step("devices and secrets", async () => {
    await go("/access");
    await heading("Access");
    await shows("the permissions of a device", permitted);
    const count = async () =>
      JSON.stringify([(await ask("GET", "/devices")).devices.length, (await ask("GET", "/secrets")).secrets.length]);
    const before = await count();
    for (const [where, button, field] of [
      ["/access", "Add a device", "Name"],
      ["/access?tab=secrets", "Set a secret", "Name"],
    ]) {
      await go(where);
      await page.getByRole("button", { name: button }).click();
      const name = page.getByRole("dialog").getByLabel(field, { exact: true });
      for (const payload of PAYLOADS) await name.fill(payload);
      await name.fill(PAYLOADS[0]);
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").locator(".field-error, [role=alert]").first().waitFor();
      await isIntact(where);
      await page.keyboard.press("Escape");
    }
    assert.equal(await count(), before);
  });

  await step("a line to be pasted into a shell publishes what was typed, and does nothing else", async () => {
    const place = directory("shell");
    await go("/topics");
    await page.getByRole("button", { name: "Publish a message" }).click();
    const topic = page.getByLabel("Topic", { exact: true });
    const payload = page.getByLabel("Payload", { exact: true });
    const line = page.locator(".publish .code-line code");
    await topic.fill("shell");
    await until("the line leads to this host", async () => (await line.textContent()).includes(portOf(given.mqtt)));
    await page.getByLabel("Retain: later subscribers get it too").check();
    for (const [index, one] of PAYLOADS.entries()) {
      const isTopic = !/[+#\u0000-\u001f]/.test(one) && one.length < 500;
      await topic.fill(isTopic ? `shell/${index}/${one}` : `shell/${index}`);
      await payload.fill(one);
      if ((await line.count()) === 0) continue;
      const wanted = { topic: await topic.inputValue(), payload: await payload.inputValue() };
      await shellIn(place, await line.textContent());
      const {
        messages: [found],
      } = await ask("GET", `/broker/messages?filter=${encoded(wanted.topic)}`);
      const got = found && (found.payload ?? Buffer.from(found.payload_base64, "base64").toString());
      check(got === wanted.payload, `${await line.textContent()} publishes ${short(got ?? "nothing")}`);
    }
    check(!existsSync(`${place}/pwned`), "a line that is to be pasted ran what was typed");
    await isIntact("the form for messages");
  });

  await step("the sign-in", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    const token = page.getByLabel("Token", { exact: true });
    await token.waitFor();
    for (const payload of PAYLOADS.slice(0, 12)) {
      await token.fill(payload);
      await page.keyboard.press("Enter");
      await page.locator(".field-error").waitFor();
      await page.goto("about:blank");
      await page.goto(`${given.admin}/#login=${encoded(payload)}`);
      await page.locator(".field-error").getByText("link has been used").waitFor();
    }
    await signIn(tab);
    await heading("Overview");
    await isIntact("after the sign-in");
  });
}
