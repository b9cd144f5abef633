import { describe, expect, test } from "vitest";
import {
  type Check,
  countProblem,
  cronProblem,
  durationProblem,
  nameProblem,
  nameResembling,
  outboundProblem,
  permissionProblem,
  rateProblem,
  routeProblem,
  sizeProblem,
  stateGrantProblem,
  topicFilterProblem,
  topicProblem,
} from "./checks";

function check(what: string, by: Check, good: readonly string[], bad: readonly [string, string][]): void {
  describe(what, () => {
    test.each(good)("%s is taken", (text) => expect(by(text)).toBeNull());
    test.each(bad)("%s is refused", (text, hint) => expect(by(text)).toContain(hint));
  });
}

check(
  "names",
  nameProblem,
  ["a", "0", "hello-2", "a-", "a".repeat(63)],
  [
    ["", "Give it a name"],
    ["-a", "does not begin"],
    ["Hello", "small letters"],
    ["a_b", "“_” cannot be"],
    ["a b", "“space”"],
    ["grüße", "“ü”"],
    ["a".repeat(64), "at most 63"],
  ],
);

check(
  "routes",
  routeProblem,
  ["/", "/hello", "/a/{b}/{c}", "/files/{*rest}", "/about[/]", "/a//b", "/a%20b", "/{device-id}/x"],
  [
    ["hello", "begins with “/”"],
    ["", "begins with “/”"],
    ["/a b", "%20"],
    ["/a?b=c", "path alone"],
    ["/{}", "Name the parameter"],
    ["/{device", "Close the brace: {device}"],
    ["/a{b}", "whole segment"],
    ["/{*rest}/more", "come last"],
    ["/{id}/{ID}", "twice"],
    [`/${"a/".repeat(40)}`, "32 segments"],
  ],
);

check(
  "topic filters",
  topicFilterProblem,
  ["a", "#", "+", "sensors/+/temperature", "sensors/#", "/a", "a//b", "$SYS/#"],
  [
    ["", "at least one"],
    ["a#", "“#” stands alone"],
    ["#/a", "“#” stands alone"],
    ["a/b+", "“+” takes a level"],
    ["$share/group/a", "$share"],
  ],
);

check("topics", topicProblem, ["a/b"], [["a/+", "one topic"]]);

check(
  "permissions",
  permissionProblem,
  ["sensors/%u/#", "%c", "a-%u"],
  [
    ["a/%x", "u (the device's name)"],
    ["a%", "u (the device's name)"],
    ["a#", "“#” stands alone"],
  ],
);

check(
  "cron expressions",
  cronProblem,
  [
    "*/5 * * * *",
    "0 3 * * *",
    "0 30 6 * * MON-FRI",
    "0 0 12 1 1 ? 2030",
    "@hourly",
    "0 0 L * *",
    "0 0 * * 5#2",
    "0 0 15W * *",
    "1,2,5-9/2 * * jan sun",
    " 0  0 * * 7 ",
  ],
  [
    ["", "five fields"],
    ["5 minutes", "five fields"],
    ["60 * * * *", "“60” cannot be the minute"],
    ["* 24 * * *", "the hour"],
    ["*/5 * * * * 8", "the day of week"],
    ["a * * * *", "the minute"],
    ["1,,2 * * * *", "the minute"],
    ["@sometimes", "@hourly"],
  ],
);

check("grants of state", stateGrantProblem, ["default", "readings:ro"], [["A:ro", "small letters"]]);

check(
  "destinations",
  outboundProblem,
  [
    "https://api.example.com",
    "http://*.plant.local:8080",
    "tcp://10.0.0.0/8:502",
    "tcp://[fe80::1]:502",
    "*://*:*",
    "https://a/",
    "http://self",
    "tcp://10.0.0.7:1..1024",
  ],
  [
    ["api.example.com", "scheme"],
    ["https://", "host is missing"],
    ["https://:80", "host is missing"],
    ["https://a/b", "path"],
    ["https://user:pass@a", "secret"],
    ["h2c://a", "not a scheme"],
    ["https://exa mple", "spaces"],
  ],
);

check(
  "durations",
  durationProblem,
  ["500ms", "5s", "30d"],
  [
    ["5", "unit"],
    ["5 min", "unit"],
    ["1.5s", "unit"],
  ],
);
check(
  "sizes",
  sizeProblem,
  ["64MiB", "1 GiB", "100B"],
  [
    ["64", "unit"],
    ["64M", "unit"],
  ],
);
check(
  "counts",
  countProblem,
  ["1", "1000"],
  [
    ["0", "from 1"],
    ["-1", "from 1"],
    ["x", "from 1"],
  ],
);
check(
  "rates",
  rateProblem,
  ["200/s", "5/h"],
  [
    ["200", "200/s"],
    ["0/s", "200/s"],
    ["5/d", "200/s"],
  ],
);

test.each([
  ["hello.wasm".replace(/\.wasm$/, ""), "hello"],
  ["My_Function (1)", "my-function-1"],
  ["--x", "x"],
  ["äöü", ""],
  ["a".repeat(80), "a".repeat(63)],
])("the name for %s is %s", (text, name) => expect(nameResembling(text)).toBe(name));
