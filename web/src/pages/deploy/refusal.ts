// Where a refusal of the host belongs: at which field, in words for somebody who fills in a form and does not write a
// query. What cannot be placed keeps the host's own words.
import type { ApiError } from "../../api/client";
import { type Form, type LimitField, type ListField, LISTS, isLimit, isList } from "./form";

export interface Placed {
  field: "name" | ListField | LimitField;
  /** Of the values of a list. */
  index: number;
  text: string;
  /** Would do, and can be put in by a button. */
  suggestion?: string;
  /** The function that stands in the way. */
  other?: string;
}

export function place(error: ApiError, form: Form): Placed | null {
  const { code, detail } = error;
  switch (code) {
    case "invalid_name":
      return { field: "name", index: 0, text: detail };
    case "route_clash":
      return clash(detail, form);
    case "trigger_missing":
      return missingTrigger(detail);
    case "grant_missing":
      return missingGrant(detail);
    case "export_missing":
      return superfluous(detail, form);
    case "parameter_invalid":
      return parameter(detail, form);
    case "manifest_invalid":
      return limit(detail, form) ?? quoted(detail, form);
    default:
      return null;
  }
}

/** The value that the text names, or the only one. */
function indexIn(values: readonly string[], text: string): number {
  const found = values.findIndex((value) => value.trim() && text.includes(`\`${value.trim()}\``));
  return Math.max(0, found);
}

function clash(detail: string, form: Form): Placed {
  const found = /clashes with route `(.+)` of function `([^`]+)`/.exec(detail);
  const index = indexIn(form.route, detail);
  if (!found) return { field: "route", index, text: detail };
  const [, route, other = ""] = found;
  const text = `“${route}” is a route of ${other} already. Choose another route here, or take that one away there.`;
  return { field: "route", index, text, other };
}

function missingTrigger(detail: string): Placed {
  if (/\btopic\b/.test(detail)) {
    const text = "It handles MQTT messages. Say on which topics, as in sensors/+/temperature.";
    return { field: "topic", index: 0, text };
  }
  const text = "It runs on a schedule. Say when: every five minutes is */5 * * * *";
  return { field: "schedule", index: 0, text, suggestion: "*/5 * * * *" };
}

const missing: Partial<Record<ListField, Omit<Placed, "field" | "index">>> = {
  bucket: { text: "It uses key-value state. Say in which bucket.", suggestion: "default" },
  database: { text: "It uses SQL. Say in which database.", suggestion: "default" },
  publish: { text: "It publishes MQTT messages. Say to which topics, as in alerts/#." },
};

function missingGrant(detail: string): Placed | null {
  const field = LISTS.find((one) => detail.includes(`?${one}=`));
  const words = field && missing[field];
  return field && words ? { field, index: 0, ...words } : null;
}

const triggerFields: Record<string, [ListField, string]> = {
  http: ["route", "It does not answer HTTP requests, so a route leads nowhere. Leave this empty."],
  mqtt: ["topic", "It does not handle MQTT messages, so a topic starts nothing. Leave this empty."],
  schedule: ["schedule", "It does not run on schedules. Leave this empty."],
};

function superfluous(detail: string, form: Form): Placed | null {
  const [field, text] = triggerFields[/has (\w+) triggers/.exec(detail)?.[1] ?? ""] ?? [];
  // Where the field is empty, it is the manifest that says so.
  return field && text && form[field].some((value) => value.trim()) ? { field, index: 0, text } : null;
}

function parameter(detail: string, form: Form): Placed | null {
  const found = /^query parameter `([^`]+)`: ([^]*)$/.exec(detail);
  const [, name = "", text = ""] = found ?? [];
  if (isList(name)) return { field: name, index: indexIn(form[name], text), text };
  return isLimit(name) ? { field: name, index: 0, text } : null;
}

function limit(detail: string, form: Form): Placed | null {
  const found = /^limits\.([a-z]+): ([^]*)$/.exec(detail);
  const [, name = "", text = ""] = found ?? [];
  return isLimit(name) && form[name].trim() ? { field: name, index: 0, text } : null;
}

/** A manifest that is refused for a value that was entered here, as a schedule that never comes. */
function quoted(detail: string, form: Form): Placed | null {
  for (const field of LISTS) {
    const index = form[field].findIndex((value) => value.trim() && detail.includes(`\`${value.trim()}\``));
    if (index >= 0) return { field, index, text: detail.replace(/^[a-z.]+: /, "") };
  }
  return null;
}
