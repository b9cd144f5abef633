// Light or dark: the system's choice unless somebody chose otherwise here.
import { effect, signal } from "@preact/signals";
import { read, write } from "./remembered";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((one) => one === read("theme")) ?? "auto");

effect(() => {
  if (theme.value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
  write("theme", theme.value);
});
