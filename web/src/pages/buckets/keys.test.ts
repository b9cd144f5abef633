import { expect, test } from "vitest";
import { fileNameOf, groupsOf, keyPath, keyProblem, stepsOf } from "./keys";

test("whatever a key is called, the address is that of the key", () => {
  const of = (key: string) => {
    const { pathname, search, hash } = new URL(keyPath("b", key), "http://host");
    expect([search, hash]).toEqual(["", ""]);
    return decodeURIComponent(pathname.replace("/buckets/b/keys/", ""));
  };
  const keys = ["a/b", "a/../b", "../../secrets", "./a", "//a//", "a b", "ü/温", "?x#y", "%2F", "a\\b", "<img src=x>"];
  for (const key of keys) expect(of(key)).toBe(key);
});

test("keys that no address can have are refused", () => {
  for (const wrong of ["", ".", "..", "x".repeat(1025), "ü".repeat(513)]) expect(keyProblem(wrong)).not.toBeNull();
  for (const right of ["a", "...", "a/..", " "]) expect(keyProblem(right)).toBeNull();
});

test("steps up and groups below", () => {
  expect(stepsOf("a/b/c")).toEqual([
    { name: "a/", prefix: "a/" },
    { name: "b/", prefix: "a/b/" },
  ]);
  expect(stepsOf("/x//y").map(({ prefix }) => prefix)).toEqual(["/", "/x/", "/x//"]);
  expect(stepsOf("abc")).toEqual([]);
  const entries = ["r/1/a", "r/2/a", "r/2/b", "r/x", "s/1"].map((key) => ({ key, bytes: 1, expires_at: null }));
  expect(groupsOf(entries, "")).toEqual([
    { name: "r/", prefix: "r/", keys: 4 },
    { name: "s/", prefix: "s/", keys: 1 },
  ]);
  expect(groupsOf(entries, "r/").map(({ name, keys }) => [name, keys])).toEqual([
    ["2/", 2],
    ["1/", 1],
  ]);
});

test("a file name has nothing in it that leads elsewhere", () => {
  expect(fileNameOf("a/b/config.json")).toBe("config.json");
  expect(fileNameOf("a/../..")).toBe("value");
  expect(fileNameOf("x/<img src=x>")).toBe("img-src-x-");
  expect(fileNameOf("a/b/")).toBe("b");
});
