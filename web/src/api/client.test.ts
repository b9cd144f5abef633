import { afterEach, expect, test, vi } from "vitest";
import { ApiError, get, getBytes } from "./client";

/** Answers begin, and the connection breaks in the middle of them. */
const breaksOff = () =>
  new Response(
    new ReadableStream({
      start(body) {
        body.enqueue(new TextEncoder().encode('{"name": "hal'));
        body.error(new TypeError("network error"));
      },
    }),
  );

afterEach(() => vi.unstubAllGlobals());

test.each([
  ["of JSON", (at: string) => get(at)],
  ["of bytes", getBytes],
])("a host that goes in the middle of an answer %s does not answer", async (_, ask) => {
  vi.stubGlobal("fetch", async () => breaksOff());
  const cause = await ask("/somewhere").then(
    () => null,
    (error: unknown) => error,
  );
  expect(cause).toBeInstanceOf(ApiError);
  expect(cause).toMatchObject({ offline: true });
});

test("what is not wanted any more ends as it was ended", async () => {
  const abort = new AbortController();
  vi.stubGlobal("fetch", async () => breaksOff());
  abort.abort();
  await expect(get("/somewhere", abort.signal)).rejects.toThrow("network error");
});
