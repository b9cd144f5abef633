// What is about to be deployed. It outlives the page: who goes to set a secret finds all of it on coming back.
import { computed, signal } from "@preact/signals";
import { isName, nameResembling } from "../../lib/checks";
import { type Component, type ManifestFile, type Sorted, nextId } from "./files";
import { type Form, emptyForm, parametersOf, problemsOf } from "./form";

export const component = signal<Component | null>(null);
export const manifest = signal<ManifestFile | null>(null);
export const name = signal("");
/** A name that somebody typed is not replaced by one that is suggested. */
export const nameTyped = signal(false);
export const form = signal<Form>(emptyForm);
/** Why what was dropped last was not taken. */
export const fileProblems = signal<readonly string[]>([]);

export const problems = computed(() => problemsOf(form.value));

export interface Request {
  name: string;
  component: Component;
  manifest: ManifestFile | null;
  parameters: Record<string, string | string[]>;
  /** The same for the same request. */
  key: string;
}

/** Null while something is missing, or known to be wrong. */
export const request = computed<Request | null>(() => {
  if (!component.value || !isName(name.value) || problems.value.size > 0) return null;
  const parameters = parametersOf(form.value);
  const key = JSON.stringify([name.value, component.value.id, manifest.value?.id, parameters]);
  return { name: name.value, component: component.value, manifest: manifest.value, parameters, key };
});

export function take(sorted: Sorted): void {
  fileProblems.value = sorted.problems;
  if (sorted.manifest) manifest.value = sorted.manifest;
  if (!sorted.component) return;
  component.value = sorted.component;
  if (!nameTyped.value) name.value = nameResembling(sorted.component.fileName.replace(/\.(?:component\.)?wasm$/i, ""));
}

export function setManifestText(fileName: string, text: string): void {
  manifest.value = { id: nextId(), fileName, text };
}

/** The name that the component or its manifest brings along. */
export function suggestName(suggested: string | null | undefined): void {
  if (suggested && !nameTyped.value && isName(suggested)) name.value = suggested;
}

export function setField<Field extends keyof Form>(field: Field, value: Form[Field]): void {
  form.value = { ...form.value, [field]: value };
}

export function clear(): void {
  component.value = null;
  manifest.value = null;
  name.value = "";
  nameTyped.value = false;
  form.value = emptyForm;
  fileProblems.value = [];
}

/** The component by itself, or a form with its manifest. */
export function bodyOf({ component: sent, manifest: part }: Request): Blob | FormData {
  if (!part) return sent.blob;
  const body = new FormData();
  body.append("component", sent.blob, sent.fileName);
  body.append("manifest", part.text);
  return body;
}
