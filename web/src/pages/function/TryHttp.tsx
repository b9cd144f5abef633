// A request: a route with its parameters filled in, or any path.
import { useState } from "preact/hooks";
import type { Triggers } from "../../api/types";
import { curlLine, exampleOf, hasBody } from "../../lib/examples";
import { query } from "../../lib/location";
import { CodeLine } from "../../parts/CodeLine";
import { Field } from "../../parts/Field";
import { RunButton } from "./RunButton";
import { headersOf, parametersOf, pathOf, valuesOf } from "./request";
import type { TryFormProps } from "./trial";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const ANY_PATH = "";

type HttpTrigger = Triggers["http"][number];

interface Request {
  method: string;
  /** ANY_PATH: `path` is typed. */
  route: string;
  values: Record<string, string>;
  path: string;
  search: string;
  headers: string;
  body: string;
}

export function TryHttp({ detail, addresses, busy, onRun }: TryFormProps) {
  const routes = detail.triggers.http;
  const [request, setRequest] = useState(() => first(routes, query.peek()));
  const change = (part: Partial<Request>) => setRequest((before) => ({ ...before, ...part }));
  const { method, route, values, search } = request;
  const { headers, error } = headersOf(request.headers);
  const pathError = route === ANY_PATH && !request.path.startsWith("/") ? "A path begins with /." : null;
  const path = pathWith(route === ANY_PATH ? request.path : pathOf(route, values), search);
  const body = hasBody(method) && request.body ? { body: request.body } : {};
  const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
  const line = curlLine({
    method,
    url: `${addresses.http ?? "http://127.0.0.1:3000"}${path}`,
    // The trial says no content type where none is typed; curl would call the body a form.
    headers: "body" in body && !typed ? [...headers, ["content-type", ""]] : headers,
    ...body,
  });
  const submit = (event: Event) => {
    event.preventDefault();
    if (!error && !pathError) onRun({ http: { method, path, headers, ...body } });
  };
  return (
    <form class="stack" onSubmit={submit}>
      <div class="try-line">
        <Field label="Method">
          {(aria) => (
            <select {...aria} value={method} onChange={(event) => change({ method: event.currentTarget.value })}>
              {methodsOf(routes, route).map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Route">
          {(aria) => (
            <select
              {...aria}
              value={route}
              onChange={(event) => change(chosen(routes, request, event.currentTarget.value, path))}
            >
              {routes.map((one) => (
                <option key={one.route} value={one.route}>
                  {one.route}
                </option>
              ))}
              <option value={ANY_PATH}>another path</option>
            </select>
          )}
        </Field>
        {route === ANY_PATH && (
          <Field label="Path" error={pathError}>
            {(aria) => (
              <input {...aria} value={request.path} onInput={(event) => change({ path: event.currentTarget.value })} />
            )}
          </Field>
        )}
        {parametersOf(route).map(({ name, rest }) => (
          <Field key={name} label={rest ? `${name} (rest of the path)` : name}>
            {(aria) => (
              <input
                {...aria}
                required={!rest}
                value={values[name] ?? ""}
                autocomplete="off"
                spellcheck={false}
                onInput={(event) => change({ values: { ...values, [name]: event.currentTarget.value } })}
              />
            )}
          </Field>
        ))}
        <Field label="Query">
          {(aria) => (
            <input
              {...aria}
              value={search}
              placeholder="a=1&b=2"
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => change({ search: event.currentTarget.value })}
            />
          )}
        </Field>
      </div>
      <Field label="Headers" hint="One a line, as in accept: text/plain" error={error}>
        {(aria) => (
          <textarea
            {...aria}
            rows={2}
            value={request.headers}
            spellcheck={false}
            onInput={(event) => change({ headers: event.currentTarget.value })}
          />
        )}
      </Field>
      {hasBody(method) && (
        <Field label="Body">
          {(aria) => (
            <textarea
              {...aria}
              rows={5}
              value={request.body}
              spellcheck={false}
              onInput={(event) => change({ body: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <div class="actions">
        <RunButton busy={busy} disabled={error !== null || pathError !== null}>
          Send the request
        </RunButton>
        <code class="wrap quiet">
          {method} {path}
        </code>
      </div>
      <CodeLine label="The same from a terminal:" command={line} />
    </form>
  );
}

const pathWith = (path: string, search: string): string => (search ? `${path}?${search.replace(/^\?/, "")}` : path);

function methodsOf(routes: readonly HttpTrigger[], route: string): readonly string[] {
  const given = routes.find((one) => one.route === route)?.methods;
  return given?.length ? given : METHODS;
}

/** Another route keeps the parameters that it shares; any path begins as the one before. */
function chosen(routes: readonly HttpTrigger[], before: Request, route: string, path: string): Partial<Request> {
  const methods = methodsOf(routes, route);
  const method = methods.includes(before.method) ? before.method : (methods[0] ?? "GET");
  if (route === ANY_PATH) return { method, route, path: path.split("?", 1)[0] ?? "/" };
  return { method, route, values: { ...exampleValues(route), ...before.values } };
}

const exampleValues = (route: string): Record<string, string> => valuesOf(route, exampleOf(route)) ?? {};

/** What the address asks for, as "Run again" does; else the first route with examples. */
function first(routes: readonly HttpTrigger[], asked: URLSearchParams): Request {
  const [path = "", search = ""] = (asked.get("path") ?? "").split("?", 2);
  const found = path
    ? routes.map(({ route }) => ({ route, values: valuesOf(route, path) })).find(({ values }) => values !== null)
    : null;
  const route = path ? (found?.route ?? ANY_PATH) : (routes[0]?.route ?? ANY_PATH);
  const methods = methodsOf(routes, route);
  const method = asked.get("method") ?? "";
  return {
    method: methods.includes(method) ? method : (methods[0] ?? "GET"),
    route,
    values: found?.values ?? exampleValues(route),
    path: path || "/",
    search,
    headers: "",
    body: "",
  };
}
