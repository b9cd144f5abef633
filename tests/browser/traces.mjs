// What would be there if a text had become something else.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PATIENCE_MS, check, given, signIn, until } from "./lib.mjs";
import { isShown, short } from "./payloads.mjs";

/** The same at all times on all pages. */
export const traces = (page) =>
  page.evaluate((functions) => {
    const all = [...document.querySelectorAll("*")];
    const own = [
      "script",
      "style",
      "img",
      "iframe",
      "frame",
      "object",
      "embed",
      "base",
      "meta",
      "video",
      "audio",
      "source",
      "math",
      "mtext",
      "marquee",
      "plaintext",
      "template",
      "animate",
      "bgsound",
      "applet",
      "blink",
      "body",
      "head",
    ];
    const isGood = (link) => {
      const href = link.getAttribute("href");
      if (link.localName === "link") return new URL(href, location.href).origin === location.origin;
      return href.startsWith("#") || new URL(href).origin === functions;
    };
    return {
      elements: own.map((name) => `${name} ${document.querySelectorAll(name).length}`),
      handlers: all.flatMap((one) => one.getAttributeNames().filter((name) => name.startsWith("on"))),
      links: all.filter((one) => one.hasAttribute("href") && !isGood(one)).map((one) => one.getAttribute("href")),
      actions: all.filter((one) =>
        ["action", "formaction", "srcdoc", "ping", "background"].some((name) => one.hasAttribute(name)),
      ).length,
      globals: [
        typeof window.pwned,
        typeof {}.polluted,
        Object.keys(Object.prototype).join(),
        Object.prototype.toString.call(null),
      ],
      place: location.origin,
    };
  }, new URL(given.http).origin);

/** Runs a line as somebody does who pastes it, in a directory of its own. */
export const shellIn = (cwd, line) => promisify(execFile)("bash", ["-c", line], { cwd, timeout: PATIENCE_MS });

/** Signs in, remembers what the page is made of, and then tells whether it is still that. */
export async function watch(tab) {
  const { page } = tab;
  const go = (path) => page.evaluate((hash) => void (location.hash = hash), path);
  const heading = (name) => page.getByRole("heading", { level: 1, name }).waitFor();
  const places = "main, dialog[open], .notices";
  const shown = () => page.locator(places).evaluateAll((all) => all.map((one) => one.textContent).join("\n"));
  await signIn(tab);
  await heading("Overview");
  const clean = await traces(page);

  /** Nothing was made of it. */
  async function isIntact(where) {
    const now = await traces(page);
    for (const [what, found] of Object.entries(now)) {
      const [is, was] = [JSON.stringify(found), JSON.stringify(clean[what])];
      check(is === was, `${where}: ${what}: ${is} instead of ${was}`);
    }
  }

  /** All of them can be read. */
  async function shows(where, payloads) {
    let left = payloads;
    await until(where, async () => {
      const text = await shown();
      left = payloads.filter((one) => !isShown(text, one));
      return left.length === 0;
    }).catch(() => undefined);
    const which = left.slice(0, 5).map(short).join(", ");
    check(left.length === 0, `${where}: ${left.length} of ${payloads.length} are not shown as they are: ${which}`);
    await isIntact(where);
  }
  return { go, heading, shows, isIntact, clean };
}
