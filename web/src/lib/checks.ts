// What the host takes, checked while it is typed: each check returns what to write instead, or null. They never refuse
// what the host would take; it has the last word on everything.

export type Check = (text: string) => string | null;

export const isName = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);

/** Of functions, buckets, databases, secrets and devices. */
export const nameProblem: Check = (text) => {
  if (isName(text)) return null;
  if (!text) return "Give it a name.";
  if (text.length > 63) return "A name has at most 63 characters.";
  if (text.startsWith("-")) return "A name does not begin with “-”.";
  if (/[A-Z]/.test(text)) return "Use small letters only.";
  const wrong = text.match(/[^a-z0-9-]/u)?.[0] ?? "";
  return `“${wrong === " " ? "space" : wrong}” cannot be in a name. Use a to z, 0 to 9 and “-”.`;
};

const ROUTE_BYTES_MAX = 1024;
const ROUTE_SEGMENTS_MAX = 32;
const SEGMENT = /^(?:[^\s{}?#\p{Cc}]*|\{\*?[A-Za-z0-9_-]+\})$/u;

export const routeProblem: Check = (text) => {
  if (!text.startsWith("/")) return "A route begins with “/”.";
  const segments = text
    .slice(1)
    .replace(/\[\/\]$/, "")
    .split("/");
  if (text.length > ROUTE_BYTES_MAX || segments.length > ROUTE_SEGMENTS_MAX) {
    return `At most ${ROUTE_BYTES_MAX} characters and ${ROUTE_SEGMENTS_MAX} segments.`;
  }
  const names = new Set<string>();
  for (const [index, segment] of segments.entries()) {
    if (!SEGMENT.test(segment)) return segmentProblem(segment);
    if (!segment.startsWith("{")) continue;
    if (segment.startsWith("{*") && index < segments.length - 1) {
      return `“${segment}” takes all that is left of the path, so it has to come last.`;
    }
    const name = segment.replace(/[{}*]/g, "").toLowerCase();
    if (names.has(name)) return `“${name}” is there twice. Give each parameter a name of its own.`;
    names.add(name);
  }
  return null;
};

function segmentProblem(segment: string): string {
  if (/\s/.test(segment)) return "A route has no spaces; write %20 for one.";
  if (/[?#]/.test(segment)) return "Leave out “?” and “#” and what follows: a route is a path alone.";
  if (/^\{\*?\}$/.test(segment)) return "Name the parameter, as in {device}.";
  if (segment.startsWith("{") && !segment.includes("}")) return `Close the brace: ${segment}}`;
  return `“${segment}”: braces stand around a whole segment, as in /{device}, or at the end /{*rest}.`;
}

const TOPIC_LEVELS_MAX = 32;

export const topicFilterProblem: Check = (text) => {
  if (!text) return "A topic has at least one character.";
  if (text.startsWith("$share/"))
    return "Give the filter alone, without $share: a message starts one invocation in any case.";
  const levels = text.split("/");
  if (levels.length > TOPIC_LEVELS_MAX) return `At most ${TOPIC_LEVELS_MAX} levels.`;
  if (levels.some((level, index) => level.includes("#") && (level !== "#" || index < levels.length - 1))) {
    return "“#” stands alone in the last level, as in sensors/#.";
  }
  if (levels.some((level) => level.includes("+") && level !== "+")) {
    return "“+” takes a level of its own, as in sensors/+/temperature.";
  }
  return null;
};

/** A message is published to one topic. */
export const topicProblem: Check = (text) =>
  /[+#]/.test(text) ? "A message goes to one topic: write no “+” and no “#”." : topicFilterProblem(text);

/** What a device may do: a filter in which %c and %u stand for its client id and its name. */
export const permissionProblem: Check = (text) =>
  /%(?![cu])/.test(text)
    ? "After “%” comes u (the device's name) or c (its client id), as in sensors/%u/#."
    : topicFilterProblem(text);

const NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];
const CRON_FIELDS = ["second", "minute", "hour", "day of month", "month", "day of week", "year"];
const CRON_MOST = [59, 59, 23, 31, 12, 7, 9999];
const CRON_BYTES_MAX = 256;
const CRON_ITEM =
  /^(?:(?:\*|\?|L|LW|(?:\d{1,4}|[A-Z]{3})(?:-(?:\d{1,4}|[A-Z]{3}))?)?(?:\/\d{1,4})?|(?:\d{1,4}|[A-Z]{3})(?:[LW]|#(?:\d{1,4}|L)))$/;

export const cronProblem: Check = (text) => {
  const fields = text.trim().split(/\s+/);
  if (text.length > CRON_BYTES_MAX) return `At most ${CRON_BYTES_MAX} characters.`;
  if (text.trim().startsWith("@")) {
    return NICKNAMES.includes(text.trim().toLowerCase()) ? null : `Write one of ${NICKNAMES.join(", ")}.`;
  }
  if (fields.length < 5 || fields.length > 7) {
    return "Write five fields: minute, hour, day of month, month, day of week. Every five minutes is */5 * * * *";
  }
  const names = CRON_FIELDS.slice(fields.length === 5 ? 1 : 0);
  const most = CRON_MOST.slice(fields.length === 5 ? 1 : 0);
  for (const [index, field] of fields.entries()) {
    const items = field.toUpperCase().replace(/^\+/, "").split(",");
    const wrong = items.find((item) => item === "" || !CRON_ITEM.test(item) || exceeds(item, most[index] ?? 0));
    if (wrong !== undefined) return `“${field}” cannot be the ${names[index]}.`;
  }
  return null;
};

const exceeds = (item: string, most: number): boolean =>
  (item.replace(/[/#].*$/, "").match(/\d+/g) ?? []).some((number) => Number(number) > most);

/** `default`, or `readings:ro` to read only. */
export const stateGrantProblem: Check = (text) => nameProblem(text.replace(/:ro$/, ""));

export const outboundProblem: Check = (text) => {
  const parts = /^([^:/]*):\/\/(.*)$/.exec(text);
  if (!parts) return "Begin with a scheme, as in https://api.example.com";
  const [, scheme = "", rest = ""] = parts;
  if (!/^(?:[A-Za-z]+|\*)$/.test(scheme)) return `“${scheme}” is not a scheme, as https, tcp or mqtt are.`;
  if (/\s/.test(rest)) return "Leave out the spaces.";
  if (rest.includes("@")) return "Leave out user name and password: a secret belongs there.";
  const host = rest.replace(/\/$/, "");
  if (!host || host.startsWith(":")) return "A host is missing, as in https://api.example.com";
  if (/[?#\s]/.test(host) || (host.includes("/") && !/^\[?[0-9a-f.:]+\/\d{1,3}\]?(?::|$)/i.test(host))) {
    return "Leave out the path: a grant is for a whole host.";
  }
  return null;
};

export const durationProblem: Check = (text) =>
  /^\d+ *(?:ms|s|m|h|d)$/.test(text) ? null : "Write a number and a unit: 500ms, 5s, 2m, 12h or 30d.";

export const sizeProblem: Check = (text) =>
  /^\d+ *(?:B|[KMG]iB|kB|MB|GB)$/.test(text) ? null : "Write a number and a unit: 512KiB, 64MiB or 1GiB.";

export const countProblem: Check = (text) => (/^[1-9]\d{0,8}$/.test(text) ? null : "Write a number from 1.");

export const rateProblem: Check = (text) =>
  /^[1-9]\d{0,8}\/[smh]$/.test(text) ? null : "Write events a second, minute or hour: 200/s, 10/m or 5/h.";

/** The host's own rule for what others name more freely: small letters, “-” for what stands between words. */
export function nameResembling(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63);
}
