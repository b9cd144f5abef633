// Light or dark: the system's choice unless somebody chose otherwise here.
import { effect, signal } from "@preact/signals";
import { read, write } from "./remembered";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((one) => one === read("theme")) ?? "auto");

const systemDark = matchMedia("(prefers-color-scheme: dark)");
/** Counts changes of what is seen: canvases, which do not follow CSS, are drawn again. */
export const themeChanges = signal(0);

effect(() => {
  if (theme.value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
  write("theme", theme.value);
  themeChanges.value = themeChanges.peek() + 1;
});
systemDark.addEventListener("change", () => {
  themeChanges.value += 1;
});
