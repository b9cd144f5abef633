// Who may see the dashboard, and where the key to it is: in a cookie that no script can read, and nowhere else.
import assert from "node:assert/strict";
import { ask } from "./host.mjs";
import { given, open, run, signIn, step, until } from "./lib.mjs";

const COOKIE = "__Host-tidegate";
const heading = (tab, name) => tab.page.getByRole("heading", { level: 1, name });
const isSignedOut = (tab) => heading(tab, "Sign in to Tidegate").waitFor();
const isSignedIn = (tab) => tab.page.getByRole("navigation", { name: "Pages" }).waitFor();
const refusal = (tab) => tab.page.locator(".field-error");

/** Everything that a script of the page could read. */
const readable = (page) =>
  page.evaluate(() =>
    JSON.stringify([
      document.cookie,
      { ...localStorage },
      { ...sessionStorage },
      location.href,
      document.documentElement.outerHTML,
    ]),
  );

const sessionCookie = async (tab) => (await tab.context.cookies()).find(({ name }) => name === COOKIE);

async function submitToken(tab, token) {
  await tab.page.getByLabel("Token", { exact: true }).fill(token);
  await tab.page.getByRole("button", { name: "Sign in" }).click();
}

await run("sign_in", async () => {
  const tab = await open();
  const { page, context } = tab;

  await step("the link signs in and vanishes from the address and from the history", async () => {
    await page.goto(given.signInLink);
    await heading(tab, "Overview").waitFor();
    assert.equal(page.url(), `${given.admin}/#/`);
    assert.match(await page.locator(".identity").innerText(), /dashboard\s+admin/);
    await page.goBack();
    assert.equal(page.url(), "about:blank", "what lies before is what was before the link");
    await page.goForward();
    await heading(tab, "Overview").waitFor();
    assert.equal(page.url(), `${given.admin}/#/`);
  });

  await step("the cookie is for this host, for HTTP and for pages of this site alone", async () => {
    const cookies = await context.cookies();
    assert.deepEqual(
      cookies.map(({ name }) => name),
      [COOKIE],
    );
    const { httpOnly, secure, sameSite, path, domain } = cookies[0];
    assert.deepEqual(
      { httpOnly, secure, sameSite, path, domain },
      { httpOnly: true, secure: true, sameSite: "Strict", path: "/", domain: "127.0.0.1" },
    );
  });

  await step("no script can read the token", async () => {
    const { value } = await sessionCookie(tab);
    const seen = await readable(page);
    assert.ok(value.length > 40 && !seen.includes(value) && !seen.includes(value.split(".")[2]), seen.slice(0, 2000));
    assert.equal(await page.evaluate(() => document.cookie), "");
  });

  await step("a reload stays signed in", async () => {
    await page.reload();
    await heading(tab, "Overview").waitFor();
    await isSignedIn(tab);
  });

  await step("the link does not sign in twice, and says why", async () => {
    const second = await open();
    await second.page.goto(given.signInLink);
    await isSignedOut(second);
    assert.match(await refusal(second).innerText(), /link has been used or has expired/);
    assert.match(await refusal(second).innerText(), /tidegate token create/);
    assert.equal(second.page.url(), `${given.admin}/#/`);
    assert.deepEqual(await second.context.cookies(), []);
    await second.page.close();
  });

  await step("signing out takes the cookie away, and a reload does not bring it back", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await isSignedOut(tab);
    assert.equal(await sessionCookie(tab), undefined);
    await page.reload();
    await isSignedOut(tab);
    assert.equal(await refusal(tab).count(), 0, "whoever signed out is not told off");
  });

  await step("a wrong token is refused in words, and the field says so", async () => {
    const [header, claims, signature] = given.viewerToken.split(".");
    for (const wrong of ["nonsense", `${header}.${claims}.${signature.split("").toReversed().join("")}`]) {
      await submitToken(tab, wrong);
      await until(`“${wrong.slice(0, 20)}” is refused`, async () =>
        /token is not valid/.test(await refusal(tab).innerText()),
      );
      assert.equal(await page.getByLabel("Token", { exact: true }).getAttribute("aria-invalid"), "true");
      assert.equal(await sessionCookie(tab), undefined);
      await page.reload();
      await isSignedOut(tab);
    }
  });

  await step("a viewer's token signs in as a viewer", async () => {
    // As it is pasted: with what stands around it.
    await submitToken(tab, `  ${given.viewerToken} `);
    await isSignedIn(tab);
    assert.match(await page.locator(".identity").innerText(), /viewer/);
    const { value } = await sessionCookie(tab);
    const seen = await readable(page);
    for (const secret of [given.viewerToken, value])
      assert.ok(!seen.includes(secret.split(".")[2]), "the token is readable");
  });

  await step("a session that is gone leads to the sign-in, and from there to the page that was asked for", async () => {
    await context.clearCookies();
    // Not by the menu: the page asks the host by itself, and may have found out before.
    await page.evaluate(() => void (location.hash = "/buckets"));
    await isSignedOut(tab);
    assert.equal(page.url(), `${given.admin}/#/buckets`);
    await submitToken(tab, given.viewerToken);
    await heading(tab, "Buckets").waitFor();
    assert.equal(page.url(), `${given.admin}/#/buckets`);
  });

  await step("an address with everything in it survives the sign-in", async () => {
    const stranger = await open();
    await signIn(stranger, given.viewerToken, "/topics?filter=a%2F%2B%2Fb");
    await heading(stranger, "Topics").waitFor();
    assert.equal(stranger.page.url(), `${given.admin}/#/topics?filter=a%2F%2B%2Fb`);
    assert.equal(await stranger.page.getByLabel("Topic filter", { exact: true }).inputValue(), "a/+/b");
    await stranger.page.close();
  });

  await step("a session ends when its token does, without anybody touching the page", async () => {
    const guest = await open();
    guest.expect(/status of 401/);
    await guest.page.goto(given.admin);
    await isSignedOut(guest);
    const { token } = await ask("POST", "/tokens", { subject: "short-lived", role: "viewer", ttl: "10s" });
    await submitToken(guest, token);
    assert.match(await guest.page.locator(".identity").innerText(), /short-lived/);
    await isSignedOut(guest);
  });
  tab.expect(/status of 401/);
});
