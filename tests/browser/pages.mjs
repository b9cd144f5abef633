// Every page, empty and with something on it, in both themes, on a desk and on a phone: no rule of accessibility is
// broken, nothing has to be scrolled sideways, and there is one heading that says what it is.
import { join } from "node:path";
import { axeProblems, axeScript, check, given, open, run, signIn, step, until } from "./lib.mjs";
import { EMPTY, fill } from "./pages_list.mjs";

const VIEWS = [1280, 390].flatMap((width) =>
  ["light", "dark"].map((theme) => ({ width, height: width > 1000 ? 900 : 844, theme })),
);

/** Nothing is being read any more, and what moves in has arrived. */
async function isSettled(page) {
  await page.locator(".loading").first().waitFor({ state: "hidden" });
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
        .map((one) => one.finished),
    ),
  );
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
}

/** What is wider than the window, without being in a box that scrolls by itself. */
const sideways = (page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width) return null;
    const wide = [...document.querySelectorAll("main *, header *")].filter(
      (one) => one.getBoundingClientRect().right > width + 1,
    );
    return wide
      .slice(0, 4)
      .map((one) => `${one.localName}.${one.className} to ${Math.round(one.getBoundingClientRect().right)}`)
      .join(", ");
  });

async function look(tab, { name, path, heading, shows, prepare }, view) {
  const { page } = tab;
  const where = `${name} (${path}), ${view.theme}, ${view.width} px`;
  await page.evaluate((hash) => {
    location.hash = hash;
  }, path);
  const isThere = async () => {
    await page.getByRole("heading", { level: 1, name: heading }).first().waitFor();
    await prepare?.(page);
    if (shows) await page.getByText(shows).locator("visible=true").first().waitFor();
    await isSettled(page);
    return true;
  };
  if (
    !check(
      await isThere().catch((error) => console.log(`    ${where}: ${error.message.split("\n")[0]}`)),
      `${where}: it does not show ${shows ?? heading}`,
    )
  )
    return;
  const headings = await page.locator("h1").count();
  check(headings === 1, `${where}: ${headings} headings of the first level`);
  const wide = await sideways(page);
  check(wide === null, `${where}: it is scrolled sideways: ${wide}`);
  for (const problem of await axeProblems(page)) check(false, `${where}: ${problem}`);
  if (given.screenshots) {
    await page.screenshot({
      path: join(given.screenshots, `${name}-${view.width}-${view.theme}.png`),
      fullPage: true,
      caret: "initial",
    });
  }
}

async function lookAtAll(pages, views, prefix) {
  for (const { tab, view } of views) {
    await step(`${prefix}: ${pages.length} pages, ${view.theme}, ${view.width} px`, async () => {
      for (const page of pages) await look(tab, page, view);
    });
  }
}

await run("pages", async () => {
  const views = [];
  for (const view of VIEWS) {
    const tab = await open({ ...view, scripts: [axeScript] });
    // There is nobody, and no invocation of nobody.
    tab.expect(/status of 404 .*\/functions\/nobody/);
    views.push({ tab, view });
  }

  await step("the sign-in", async () => {
    for (const { tab, view } of views) {
      await tab.page.goto(given.admin);
      await look(tab, { name: "sign-in", path: "/", heading: "Sign in to Tidegate" }, view);
      tab.expect(/status of 401 .*\/api\/v1\/session$/);
      await tab.page.getByLabel("Token", { exact: true }).fill("nonsense");
      await tab.page.keyboard.press("Enter");
      await look(
        tab,
        { name: "sign-in-refused", path: "/", heading: "Sign in to Tidegate", shows: "token is not valid" },
        view,
      );
      await signIn(tab);
    }
  });
  await lookAtAll(EMPTY, views, "a fresh host");
  const pages = await step("the host gets something of everything", fill);
  await lookAtAll(pages, views, "with data");

  await step("the menu of a phone", async () => {
    for (const { tab, view } of views.filter((one) => one.view.width < 1000)) {
      await tab.page.getByRole("button", { name: "Menu" }).click();
      await until("the menu is open", () => tab.page.getByRole("navigation", { name: "Pages" }).isVisible());
      await look(tab, { name: "menu", path: "/settings", heading: "Settings" }, view);
    }
  });

  await step("the keys, and a question before something is gone", async () => {
    for (const { tab, view } of views) {
      await tab.page.keyboard.press("?");
      await look(
        tab,
        { name: "keys", path: "/settings", heading: "Settings", shows: "Use single keys as shortcuts" },
        view,
      );
      await tab.page.keyboard.press("Escape");
      const ask = async (page) => {
        await page.getByRole("button", { name: "Delete", exact: true }).click();
      };
      await look(
        tab,
        {
          name: "question",
          path: "/functions/counter",
          heading: "counter",
          shows: "Type counter to confirm",
          prepare: ask,
        },
        view,
      );
      await tab.page.keyboard.press("Escape");
    }
  });
});
