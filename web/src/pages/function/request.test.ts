import { expect, test } from "vitest";
import { headersOf, parametersOf, pathOf, valuesOf } from "./request";

test("the parameters of a route", () => {
  expect(parametersOf("/devices/{id}/{*rest}")).toEqual([
    { name: "id", rest: false },
    { name: "rest", rest: true },
  ]);
  expect(parametersOf("/hello")).toEqual([]);
});

test("paths are encoded, and slashes only stay in the rest", () => {
  expect(pathOf("/devices/{id}/{*rest}", { id: "a/b c", rest: "x/y z" })).toBe("/devices/a%2Fb%20c/x/y%20z");
  expect(pathOf("/{*rest}", {})).toBe("/");
  expect(pathOf("/about[/]", {})).toBe("/about");
});

test.each([
  ["/devices/{id}", "/devices/boiler%202", { id: "boiler 2" }],
  ["/devices/{id}", "/devices/", null],
  ["/devices/{id}", "/devices/a/b", null],
  ["/{*rest}", "/a/b", { rest: "a/b" }],
  ["/a/{*rest}", "/a", { rest: "" }],
  ["/about[/]", "/about/", {}],
  ["/hello", "/hello", {}],
  ["/hello", "/hello/", null],
  ["/", "/", {}],
])("%s takes %s as %o", (route, path, values) => expect(valuesOf(route, path)).toEqual(values));

test("headers are typed one a line", () => {
  expect(headersOf("accept: text/plain\n\n x-a :b: c ")).toEqual({
    headers: [
      ["accept", "text/plain"],
      ["x-a", "b: c"],
    ],
    error: null,
  });
  expect(headersOf("a: b\nnonsense").error).toContain("“nonsense” is no header");
});
