// Shortcuts of one key, or of `g` and another. They do only what a link or a button on the page does too.
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { read, write } from "./remembered";

export interface Shortcut {
  /** "p", or "g o" for one after the other. */
  keys: string;
  does: string;
  run: () => void;
}

/** Somebody who speaks to the computer, or rests a hand on the keyboard, must be able to turn single keys off. */
export const keysOn = signal(read("keys") !== "off");
effect(() => write("keys", keysOn.value ? "on" : "off"));

export const shortcuts = signal<readonly Shortcut[]>([]);

const SEQUENCE_MS = 1200;
let before: { key: string; at: number } | null = null;

export function addShortcuts(added: readonly Shortcut[]): () => void {
  shortcuts.value = [...shortcuts.peek(), ...added];
  return () => {
    shortcuts.value = shortcuts.peek().filter((one) => !added.includes(one));
  };
}

/** A shortcut for as long as the component is shown. */
export function useShortcut(keys: string, does: string, run: () => void): void {
  useEffect(() => addShortcuts([{ keys, does, run }]), [keys, does, run]);
}

export function listen(): void {
  document.addEventListener("keydown", (event) => {
    if (
      !keysOn.value ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.defaultPrevented ||
      isTyping(event.target)
    )
      return;
    if (document.querySelector("dialog[open]")) return;
    const now = Date.now();
    const sequence = before && now - before.at < SEQUENCE_MS ? `${before.key} ${event.key}` : "";
    const found = last((one) => one.keys === sequence) ?? last((one) => one.keys === event.key);
    before = found ? null : { key: event.key, at: now };
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}

/** The newest wins: what is shown later lies nearer to the reader. */
const last = (matches: (one: Shortcut) => boolean): Shortcut | undefined => shortcuts.value.findLast(matches);

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"))
  );
}

export function focusFilter(): void {
  const filter = [...document.querySelectorAll<HTMLInputElement>("[data-filter]")].find(
    (one) => one.offsetParent !== null,
  );
  filter?.focus();
  filter?.select();
}
