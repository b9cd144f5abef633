import { expect, test } from "vitest";
import { match, routes } from "./routes";

test("names and ids are taken out of the address, decoded", () => {
  expect(match("/functions/hello/invocations/a%2Fb")?.params).toEqual({ name: "hello", id: "a/b" });
  expect(match("/buckets/default")?.route.pattern).toBe("/buckets/{bucket}");
});

test("what is no page matches nothing", () => {
  expect(match("/nothing")).toBeNull();
  expect(match("/functions/")).toBeNull();
  expect(match("/functions/%E0%A4%A")).toBeNull();
});

test("no address has two pages", () => {
  for (const { pattern } of routes) expect(match(pattern.replaceAll(/[{}]/g, ""))?.route.pattern).toBe(pattern);
});
