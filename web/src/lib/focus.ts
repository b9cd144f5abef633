// Where the focus goes when what had it is gone.

/** After the dialogs of this moment have closed: each gives the focus back to a button that may be gone with its row. */
export function focusHeading(): void {
  setTimeout(() => document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true }), 50);
}
