// What the scripts share: the browser and its tabs, what must never happen on a page, steps that have names, polling.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";

/** What the Rust test tells of the host that it has started. */
export const given = JSON.parse(process.env.TIDEGATE_TEST ?? "null");
if (!given) throw new Error("TIDEGATE_TEST is not set: these scripts are run by tests/browser.rs");

const CHROMIUM = "/usr/bin/chromium";
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** How long a condition may take to come true. Far above what is usual: it is there to end a test, not to time it. */
export const PATIENCE_MS = 90_000;
const POLL_MS = 50;
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const tabs = [];
const problems = [];
let browser = null;
let current = "start";

/** Runs a script: `body` gets nothing, opens tabs by `open`, and is made of steps. Ends the process. */
export async function run(name, body) {
  const began = Date.now();
  try {
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: SWITCHES });
    await body();
    for (const tab of tabs) problems.push(...tab.unwanted());
  } catch (error) {
    problems.push(`${current}\n    ${indented(error.stack ?? error)}`);
    for (const tab of tabs) problems.push(...tab.unwanted());
    await Promise.all(tabs.map(screenshot));
  }
  await browser?.close();
  for (const clean of cleanings) await clean();
  const took = `${((Date.now() - began) / 1000).toFixed(1)} s`;
  if (problems.length === 0) console.log(`${name}: passed in ${took}`);
  else console.log(`${name}: FAILED in ${took}\n${problems.map((one) => `  - ${one}`).join("\n")}`);
  process.exit(problems.length === 0 ? 0 : 1);
}

const cleanings = [];
/** Is done at the end, however that comes. */
export const atEnd = (clean) => cleanings.push(clean);

export async function step(sentence, body) {
  const began = Date.now();
  current = `step “${sentence}”`;
  const result = await body();
  console.log(`  ${sentence} (${Date.now() - began} ms)`);
  return result;
}

/** Notes what is wrong and goes on: for things that do not depend on each other. */
export function check(condition, text) {
  if (!condition) problems.push(text);
  return Boolean(condition);
}

/** Polls until `probe` returns something true, and returns that. An error of it counts as not yet. */
export async function until(what, probe, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  for (;;) {
    let last = null;
    try {
      const found = await probe();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms${last ? `: ${last.message}` : ""}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A directory of one's own below the given one. */
export const directory = (prefix) => mkdtempSync(join(given.directory, `${prefix}-`));

/**
 * A tab of a browser that knows nothing yet. `scripts` run before those of each page: they come by the debugger, where
 * the page's policy does not hold.
 */
export async function open({ width = 1280, height = 800, theme = "light", scripts = [], watched = true } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const tab = new Tab(page, context);
  // One that is not watched may have done to it what must not be.
  if (watched) tabs.push(tab);
  await page.exposeBinding("noteViolation", (_, text) => tab.violations.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sample }) => {
      window.noteViolation(`${effectiveDirective} ${blockedURI} ${sample}`);
    });
  });
  for (const content of scripts) await page.addInitScript(content);
  return tab;
}

class Tab {
  dialogs = [];
  errors = [];
  violations = [];
  /** A page that finds out that nobody is signed in has asked, and Chromium calls the answer an error. */
  expected = [/status of 401 .*\/api\/v1\/session$/];

  constructor(page, context) {
    this.page = page;
    this.context = context;
    page.on("dialog", (dialog) => {
      this.dialogs.push(`${dialog.type()} “${dialog.message()}”`);
      void dialog.dismiss();
    });
    page.on("pageerror", (error) => this.errors.push(`page error: ${error.stack ?? error}`));
    page.on("crash", () => this.errors.push("the page crashed"));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`console: ${message.text()} ${message.location().url}`);
    });
  }

  /** Errors on the console that a step causes on purpose, such as an answer 401. */
  expect(...patterns) {
    this.expected.push(...patterns);
  }

  unwanted() {
    const wrong = (kind, texts) => texts.map((text) => `${kind} on ${this.page.url()}: ${text}`);
    const errors = this.errors.filter((text) => !this.expected.some((pattern) => pattern.test(text)));
    return [...wrong("a dialog", this.dialogs), ...wrong("a violation", this.violations), ...wrong("an error", errors)];
  }
}

async function screenshot({ page }, index) {
  const path = join(given.directory, `failed-${process.pid}-${index}.png`);
  // The usual hiding of the caret would add a style sheet, which the page's policy does not allow.
  await page.screenshot({ path, caret: "initial", timeout: 10_000 }).then(
    () => problems.push(`screenshot of ${page.url()}: ${path}`),
    () => undefined,
  );
}

/** Signs in by the form, as a page that is asked for at `path`, and waits for what is around every page. */
export async function signIn(tab, token = given.adminToken, path = "/", admin = given.admin) {
  await tab.page.goto(`${admin}/#${path}`);
  await tab.page.getByLabel("Token", { exact: true }).fill(token);
  await tab.page.keyboard.press("Enter");
  await tab.page.getByRole("navigation", { name: "Pages", includeHidden: true }).waitFor({ state: "attached" });
}

/** Goes to another page of the dashboard without loading it anew, and waits for its heading. */
export async function goTo(tab, path, heading) {
  await tab.page.evaluate((hash) => {
    location.hash = hash;
  }, path);
  await tab.page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

/** Waits until the connection, or that of the feed on the page, is called this. */
export const connectionIs = (page, word) => says(page.locator(".side-foot .light"), word);
export const feedIs = (page, word) => says(page.locator(".tail .light"), word);
const says = (light, word) => until(`the page says ${word}`, async () => (await light.innerText()) === word);

/** A mark that does not outlive a reload. */
export const markPage = (page) => page.evaluate(() => void (window.wasNotReloaded = true));
export const isMarked = (page) => page.evaluate(() => window.wasNotReloaded === true);

export const axeScript = { content: axe.source };

/** The rules that the page breaks, with the elements: one line each. The tab needs `axeScript`. */
export async function axeProblems(page) {
  const violations = await page.evaluate(async (tags) => {
    const result = await window.axe.run(document, {
      runOnly: { type: "tag", values: tags },
      resultTypes: ["violations"],
    });
    return result.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(
        ({ target, failureSummary }) =>
          `${target.join(" ")} (${failureSummary.split("\n").slice(1).join("; ").trim()})`,
      ),
    }));
  }, AXE_TAGS);
  return violations.map(({ id, help, nodes }) => `axe ${id}: ${help}: ${nodes.slice(0, 5).join(" | ")}`);
}

const indented = (text) => String(text).replaceAll("\n", "\n    ");
