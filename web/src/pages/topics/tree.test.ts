import { expect, test } from "vitest";
import type { TopicSnapshot } from "../../api/types";
import { Rates } from "./rates";
import { type TreeRow, buildTree, filterOf, findNode, pathOf, visibleRows } from "./tree";

const topic = (name: string, messages = 1, retained: number | null = null): TopicSnapshot => ({
  topic: name,
  messages,
  bytes: messages * 10,
  rate: messages / 2,
  retained_bytes: retained,
});
const text = (row: TreeRow): string => (row.kind === "node" ? row.node.path : `${row.hidden} more`);
const all = { isExpanded: () => true, childrenMax: () => 100, rowsMax: 1000 };

test("counts, rates, bytes and retained messages are summed up the branches", () => {
  const root = buildTree([topic("a", 1), topic("a/b", 2, 5), topic("a/b/c", 4, 0), topic("d", 8)]);
  expect(root).toMatchObject({ topics: 4, messages: 15, bytes: 150, rate: 7.5, retained: 2 });
  expect(findNode(root, "a")).toMatchObject({ topics: 3, messages: 7, bytes: 70, rate: 3.5, retained: 2, level: 0 });
  expect(findNode(root, "a/b")).toMatchObject({ topics: 2, messages: 6, level: 1, topic: { retained_bytes: 5 } });
  expect(findNode(root, "a/x")).toBeNull();
});

test("empty levels are levels", () => {
  const root = buildTree([topic("/a"), topic("b//c"), topic("b/")]);
  expect(visibleRows(root, all).map(text)).toEqual(["", "/a", "b", "b/", "b//c"]);
  expect(findNode(root, "")?.topics).toBe(1);
  expect(findNode(root, "b/")).toMatchObject({ name: "", topics: 2, topic: { topic: "b/" } });
});

test("names that are properties of every object are names like others", () => {
  const root = buildTree([topic("__proto__/constructor"), topic("toString")]);
  expect(visibleRows(root, all).map(text)).toEqual(["__proto__", "__proto__/constructor", "toString"]);
});

test("only what is expanded is a row, in the order that people count", () => {
  const root = buildTree([topic("s/b-10"), topic("s/b-2"), topic("t/x")]);
  expect(visibleRows(root, { ...all, isExpanded: ({ path }) => path === "s" }).map(text)).toEqual([
    "s",
    "s/b-2",
    "s/b-10",
    "t",
  ]);
});

test("what is too much is counted instead", () => {
  const root = buildTree(Array.from({ length: 9 }, (_, n) => topic(`s/${n}`)));
  const few = visibleRows(root, { ...all, childrenMax: (path) => (path === "/s" ? 3 : 100) });
  expect(few.map(text)).toEqual(["s", "s/0", "s/1", "s/2", "6 more"]);
  expect(visibleRows(root, { ...all, rowsMax: 2 }).map(text)).toEqual(["s", "s/0", "8 more"]);
});

test("ten thousand topics are built and laid out in a moment", () => {
  const topics = Array.from({ length: 10_000 }, (_, n) => topic(`site-${n % 20}/line-${n % 100}/machine-${n}/state`));
  const began = performance.now();
  const rows = visibleRows(buildTree(topics), { ...all, rowsMax: 1000 });
  expect(rows.length).toBeLessThan(1200);
  expect(performance.now() - began).toBeLessThan(500);
});

test("a node and its filter stand for one another", () => {
  const root = buildTree([topic("a/b"), topic("/x/y")]);
  for (const path of ["a", "a/b", "", "/x"]) {
    const node = findNode(root, path);
    expect(node && pathOf(filterOf(node))).toBe(path);
  }
  expect([pathOf("#"), pathOf("a/+"), pathOf("+/#"), pathOf(null)]).toEqual([null, null, null, null]);
});

test("the rate is that of the last ten seconds", () => {
  const rates = new Rates();
  const take = (at: number, messages: number) => rates.take(at, [topic("a", messages)])[0]?.rate;
  expect(take(0, 100)).toBe(50);
  expect(take(2000, 110)).toBe(5);
  expect(take(10_000, 110)).toBe(1);
  expect(take(12_000, 110)).toBe(0);
  // The host stopped counting and began again.
  expect(take(14_000, 3)).toBe(1.5);
});
