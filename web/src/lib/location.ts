// The address: `#/path?query`. Everything that one may want to link to or go back to is in it.
import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

const parts = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#/, "").split("?", 2);
  return { path: path || "/", query };
});

export const path = computed(() => parts.value.path);
export const query = computed(() => new URLSearchParams(parts.value.query));

/** Takes the code of a sign-in link (`/#login=CODE`) out of the address and of the history. */
export function takeLoginCode(): string | null {
  const code = new URLSearchParams(hash.peek().slice(1)).get("login");
  if (code) {
    history.replaceState(null, "", `${location.pathname}#/`);
    hash.value = location.hash;
  }
  return code;
}

/** A link to a page, every inserted part encoded: to`/functions/${name}` is "#/functions/…". */
export function to(texts: TemplateStringsArray, ...values: (string | number)[]): string {
  return `#${texts.reduce((made, text, index) => made + encodeURIComponent(values[index - 1] ?? "") + text)}`;
}

export function go(href: string): void {
  location.hash = href;
}

/** Changes one parameter of the address without a new entry in the history. */
export function setQuery(name: string, value: string | null): void {
  const changed = new URLSearchParams(parts.peek().query);
  if (value) changed.set(name, value);
  else changed.delete(name);
  const text = changed.toString();
  history.replaceState(null, "", `#${path.peek()}${text ? `?${text}` : ""}`);
  hash.value = location.hash;
}
