// The event that a trial sends: paths made of routes and back, headers as they are typed.

export interface Parameter {
  name: string;
  /** Takes all that is left of the path, slashes too; may be empty. */
  rest: boolean;
}

const SLASH = /\[\/\]$/;

export function parametersOf(route: string): Parameter[] {
  return [...route.matchAll(/\{(\*?)([^}]*)\}/g)].map(([, star, name = ""]) => ({ name, rest: star === "*" }));
}

/** The path of a route with its parameters filled in, encoded. */
export function pathOf(route: string, values: Readonly<Record<string, string>>): string {
  const path = route.replace(SLASH, "").replaceAll(/\{(\*?)([^}]*)\}/g, (_, star: string, name: string) => {
    const value = values[name] ?? "";
    return star ? value.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(value);
  });
  return path || "/";
}

/** The parameters that the path gives to the route; null where it does not fit. */
export function valuesOf(route: string, path: string): Record<string, string> | null {
  const segments = route.replace(SLASH, "").split("/");
  const given = path.replace(/(.)\/$/, SLASH.test(route) ? "$1" : "$1/").split("/");
  const values: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const actual = given[index];
    const [, star, name] = /^\{(\*?)([^}]*)\}$/.exec(segment) ?? [];
    if (name !== undefined && star) {
      values[name] = given.slice(index).map(decoded).join("/");
      return values;
    }
    if (actual === undefined) return null;
    if (name !== undefined) {
      if (!actual) return null;
      values[name] = decoded(actual);
    } else if (decoded(actual) !== segment) return null;
  }
  return segments.length === given.length ? values : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One header a line, "name: value". A line that is none is named in `error`. */
export function headersOf(text: string): { headers: [string, string][]; error: string | null } {
  const headers: [string, string][] = [];
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const [, name, value = ""] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (!name) return { headers, error: `“${line.trim()}” is no header. Write one a line, as in accept: text/plain` };
    headers.push([name, value]);
  }
  return { headers, error: null };
}
