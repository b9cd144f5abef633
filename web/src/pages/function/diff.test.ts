import { expect, test } from "vitest";
import type { Manifest } from "../../api/types";
import { plain } from "../../lib/words";
import { compare, valueInWords } from "./diff";

const revision = (manifest: object, digest = "sha256:a") => ({
  digest,
  component_bytes: 1024,
  abi: "sync" as const,
  manifest: manifest as Manifest,
});
const changesOf = (before: object, after: object) =>
  compare(revision(before), revision(after)).flatMap(({ title, changes }) =>
    changes.map(({ kind, words, before: was, after: is }) => [title, kind, plain(words), was, is]),
  );

test("equal revisions have no changes, whatever the order of keys", () => {
  const http = [{ route: "/a", methods: ["GET"] }];
  expect(
    changesOf({ http, config: { a: "1" } }, { config: { a: "1" }, http: [{ methods: ["GET"], route: "/a" }] }),
  ).toEqual([]);
});

test("triggers are told apart by their route, filter or cron", () => {
  const before = { http: [{ route: "/a" }, { route: "/b" }], mqtt: [{ topic: "t/#", qos: 1, order: "none" }] };
  const after = {
    http: [{ route: "/a", methods: ["GET"] }],
    mqtt: [{ topic: "t/#", qos: 0, order: "none" }],
    schedule: [{ cron: "* * * * *" }],
  };
  expect(changesOf(before, after).map((change) => change.slice(0, 3))).toEqual([
    ["Triggers", "changed", "GET requests to /a"],
    ["Triggers", "changed", "messages to t/#"],
    ["Triggers", "added", "the schedule * * * * *"],
    ["Triggers", "removed", "requests to /b"],
  ]);
});

test("next runs are no change of a schedule", () => {
  const at = (next_runs: string[]) => ({ schedule: [{ cron: "* * * * *", timezone: "UTC", next_runs }] });
  expect(changesOf(at(["2026-01-01T00:00:00Z"]), at(["2026-01-01T00:01:00Z"]))).toEqual([]);
});

test("a bucket that may no longer be written to is changed, not another", () => {
  expect(changesOf({ grants: { buckets: ["a"] } }, { grants: { buckets: ["a:ro"], publish: ["x/#"] } })).toEqual([
    ["Grants", "changed", "reads the bucket a", 'buckets = "a"', 'buckets = "a:ro"'],
    ["Grants", "added", "publishes to topics that match x/#", undefined, 'publish = "x/#"'],
  ]);
});

test("a limit that is left out is the host's default", () => {
  expect(changesOf({ limits: { timeout: "5s" } }, { limits: { memory: "64MiB" } })).toEqual([
    ["Limits", "added", "memory", "the host's default", "64MiB"],
    ["Limits", "removed", "timeout", "5s", "the host's default"],
  ]);
});

test("configuration names secrets, and the environment is a group of its own", () => {
  expect(
    changesOf(
      { config: { key: "x" }, environment: {} },
      { config: { key: { secret: "k" } }, environment: { TZ: "UTC" } },
    ),
  ).toEqual([
    ["Configuration", "changed", "key", "x", "the secret k"],
    ["Environment", "added", "TZ", undefined, "UTC"],
  ]);
  expect(valueInWords(30)).toBe("30");
});

test("what the dashboard does not know is compared all the same", () => {
  expect(changesOf({ "spin-headers": true }, { app: { name: "shop", private: true } })).toEqual([
    ["Other settings", "added", "app", undefined, 'name = "shop", private = true'],
    ["Other settings", "removed", "spin-headers", "true", undefined],
  ]);
});

test("another component is told by its digest, and by its size where that differs", () => {
  const [group] = compare(revision({}, "sha256:a"), { ...revision({}, "sha256:b"), component_bytes: 2048 });
  expect(group?.changes.map(({ words, before, after }) => `${plain(words)}: ${before} ${after}`)).toEqual([
    "another component: a b",
    "its size: 1.0 KiB 2.0 KiB",
  ]);
});
