import { expect, test } from "vitest";
import { curlLine, exampleOf, exampleTopic, mosquittoLine, originOf, resolvePermission, shellWord } from "./examples";

test.each([
  ["/hello", "/hello"],
  ["/thermostat/{device}", "/thermostat/device-1"],
  ["/devices/{id}/{*rest}", "/devices/1"],
  ["/{*rest}", "/"],
  ["/about[/]", "/about"],
  ["/", "/"],
])("the route %s is tried at %s", (route, path) => expect(exampleOf(route)).toBe(path));

test.each([
  ["sensors/+/temperature", "sensors/example-1/temperature"],
  ["+/+/#", "example-1/example-2/example-3"],
  ["plain", "plain"],
])("the filter %s is tried with %s", (filter, topic) => expect(exampleTopic(filter)).toBe(topic));

test("words of a shell", () => {
  expect(shellWord("http://127.0.0.1:3000/a")).toBe("http://127.0.0.1:3000/a");
  expect(shellWord("a b")).toBe("'a b'");
  expect(shellWord("it's")).toBe(`'it'\\''s'`);
  expect(shellWord("$(reboot)")).toBe("'$(reboot)'");
  expect(shellWord("")).toBe("''");
});

test.each([
  [{ method: "GET", url: "http://h/a" }, "curl http://h/a"],
  [{ method: "POST", url: "http://h/a", body: '{"a":1}' }, `curl -d '{"a":1}' http://h/a`],
  [{ method: "POST", url: "http://h/a" }, "curl -X POST http://h/a"],
  [{ method: "PUT", url: "http://h/a", body: "x" }, "curl -X PUT -d x http://h/a"],
  [{ method: "HEAD", url: "http://h/a" }, "curl -I http://h/a"],
  [{ method: "GET", url: "http://h/a?b=c&d" }, "curl 'http://h/a?b=c&d'"],
])("%o is %s", (example, line) => expect(curlLine(example)).toBe(line));

test("a message by mosquitto_pub, to the first address that it can reach", () => {
  const example = { topic: "sensors/a", payload: '{"v":1}', qos: 1 };
  expect(mosquittoLine(["ws://h:8083/mqtt", "mqtt://10.0.0.1:1884"], example)).toBe(
    `mosquitto_pub -h 10.0.0.1 -p 1884 -q 1 -t sensors/a -m '{"v":1}'`,
  );
  expect(mosquittoLine(["mqtts://gateway.local"], { ...example, qos: 0 })).toBe(
    `mosquitto_pub -h gateway.local -p 8883 --tls-use-os-certs -t sensors/a -m '{"v":1}'`,
  );
  expect(mosquittoLine(["mqtt://[::1]:1883"], { topic: "a", payload: "b", username: "u", password: "p w" })).toBe(
    "mosquitto_pub -h ::1 -p 1883 -u u -P 'p w' -t a -m b",
  );
  expect(mosquittoLine(["wss://h:1"], example)).toBeNull();
  expect(mosquittoLine([], example)).toBeNull();
});

test("what stands for a device's name", () => {
  expect(resolvePermission("sensors/%u/%c", "boiler-1")).toBe("sensors/boiler-1/boiler-1");
});

test("headers, and bodies that curl would take for something else", () => {
  const headers = [
    ["accept", "text/plain"],
    ["content-type", ""],
  ] as const;
  expect(curlLine({ method: "POST", url: "http://h/", headers, body: "@/etc/passwd" })).toBe(
    "curl -H 'accept: text/plain' -H content-type: --data-raw @/etc/passwd http://h/",
  );
  expect(curlLine({ method: "GET", url: "http://h/{a}" })).toBe("curl -g 'http://h/{a}'");
});

test("retained, empty and binary messages", () => {
  const urls = ["mqtt://10.0.0.1"];
  expect(mosquittoLine(urls, { topic: "a", payload: "", retain: true })).toBe(
    "mosquitto_pub -h 10.0.0.1 -p 1883 -r -t a -n",
  );
  expect(mosquittoLine(urls, { topic: "a", payload: "AQID", isBase64: true })).toBe(
    "echo AQID | base64 -d | mosquitto_pub -h 10.0.0.1 -p 1883 -t a -s",
  );
});

test("the origin of a URL with holes", () => {
  expect(originOf("http://127.0.0.1:3000/devices/{id}")).toBe("http://127.0.0.1:3000");
  expect(originOf("javascript:alert(1)")).toBeNull();
  expect(originOf(undefined)).toBeNull();
});
