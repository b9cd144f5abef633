// The admin API: one function per verb, and one error. The session travels in an HttpOnly cookie, so no token is here.
import { signal } from "@preact/signals";

const BASE = "/api/v1";

/** Counts the answers 401: whoever holds the session listens. (The client does not know what a session is.) */
export const unauthorized = signal(0);

export class ApiError extends Error {
  constructor(
    /** 0: the host did not answer at all. */
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly request_id: string | null,
  ) {
    super(detail);
  }

  get offline(): boolean {
    return this.status === 0;
  }
}

type Query = Record<string, string | number | boolean | null | undefined | readonly string[]>;
type Bytes = Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | FormData | string;

/** A path with every inserted part encoded: path`/functions/${name}/revisions`. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((made, part, index) => made + encodeURIComponent(values[index - 1] ?? "") + part);
}

/** Adds a query; null, undefined and "" are left out, a list is repeated. */
export function withQuery(at: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) if (one !== null && one !== undefined && one !== "") parameters.append(name, String(one));
  }
  const text = parameters.toString();
  return text ? `${at}?${text}` : at;
}

export const get = <T>(at: string, abort?: AbortSignal): Promise<T> => call<T>("GET", at, undefined, abort);
export const post = <T = void>(at: string, body?: object | Bytes): Promise<T> => call<T>("POST", at, body);
export const put = <T = void>(
  at: string,
  body?: object | Bytes,
  headers?: Readonly<Record<string, string>>,
): Promise<T> => call<T>("PUT", at, body, undefined, headers);
export const del = <T = void>(at: string): Promise<T> => call<T>("DELETE", at);

/** For answers that are not JSON, such as the value of a key. */
export async function getBytes(at: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; headers: Headers }> {
  const response = await send("GET", at);
  const bytes = await whole(response.arrayBuffer());
  return { bytes: new Uint8Array(bytes), headers: response.headers };
}

/** For what is large: tells how many bytes have gone. `abort` ends it with an AbortError. */
export function upload<T>(
  method: "PUT" | "POST",
  at: string,
  body: Blob | FormData,
  onProgress: (sent: number, total: number) => void,
  abort?: AbortSignal,
): Promise<T> {
  // fetch() does not tell how far a body has gone.
  const request = new XMLHttpRequest();
  const onAbort = () => request.abort();
  const done = new Promise<T>((resolve, reject) => {
    request.onload = () => {
      const { status, statusText, responseText } = request;
      if (status < 200 || status >= 300) return reject(refused(status, statusText, responseText));
      try {
        resolve((responseText ? JSON.parse(responseText) : undefined) as T);
      } catch {
        reject(new ApiError(status, "unknown", "The answer is not the host's. Is there a proxy in between?", null));
      }
    };
    request.onerror = () => reject(offline());
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
  });
  request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
  request.open(method, BASE + at);
  abort?.addEventListener("abort", onAbort);
  request.send(body);
  if (abort?.aborted) request.abort();
  return done.finally(() => abort?.removeEventListener("abort", onAbort));
}

async function call<T>(
  method: string,
  at: string,
  body?: object | Bytes,
  abort?: AbortSignal,
  extra?: Readonly<Record<string, string>>,
): Promise<T> {
  const response = await send(method, at, body, abort, extra);
  const text = await whole(response.text(), abort);
  return (text ? JSON.parse(text) : undefined) as T;
}

async function send(
  method: string,
  at: string,
  body?: object | Bytes,
  abort?: AbortSignal,
  extra?: Readonly<Record<string, string>>,
): Promise<Response> {
  const headers: Record<string, string> = { ...extra };
  let sent: BodyInit | null = null;
  if (isBytes(body)) sent = body;
  else if (body !== undefined) {
    headers["content-type"] = "application/json";
    sent = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(BASE + at, { method, headers, body: sent, signal: abort ?? null });
  } catch (cause) {
    if (abort?.aborted) throw cause;
    throw offline();
  }
  if (response.ok) return response;
  throw refused(response.status, response.statusText, await response.text().catch(() => ""));
}

/** The body of an answer. The connection may break in the middle of it, too. */
const whole = <T>(body: Promise<T>, abort?: AbortSignal): Promise<T> =>
  body.catch((cause: unknown) => {
    throw abort?.aborted ? cause : offline();
  });

const offline = (): ApiError =>
  new ApiError(0, "offline", "The host does not answer. Is it running, and is this machine connected to it?", null);

function isBytes(body: object | Bytes | undefined): body is Bytes {
  return (
    typeof body === "string" ||
    body instanceof Blob ||
    body instanceof ArrayBuffer ||
    body instanceof FormData ||
    ArrayBuffer.isView(body)
  );
}

function refused(status: number, statusText: string, text: string): ApiError {
  if (status === 401) unauthorized.value += 1;
  let problem: { code?: string; detail?: string; title?: string; request_id?: string } = {};
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch {
    // A proxy between here and the host answers in its own words; the status says enough.
  }
  return new ApiError(
    status,
    problem.code ?? "unknown",
    problem.detail ?? problem.title ?? `The answer was ${status} ${statusText}`.trim(),
    problem.request_id ?? null,
  );
}
