import { expect, test } from "vitest";
import type { Manifest } from "../../api/types";
import { manifestText } from "./toml";

test("a manifest as a file", () => {
  const manifest: Partial<Manifest> = {
    name: "thermostat",
    cgi: false,
    http: [
      { route: "/thermostat/{device}", methods: ["GET", "POST"] },
      { route: "/x", response: { status: 404 } },
    ],
    mqtt: [{ topic: "sensors/+/temperature", qos: 1, order: "none" }],
    schedule: [],
    grants: { buckets: ["default"], databases: [], publish: [], outbound: [], secrets: [] },
    limits: { timeout: "5s", memory: null },
    config: { threshold: "30", "a b": 'c"\n', token: { secret: "key" } },
    environment: {},
    files: { "/a": "sha256:0" },
  };
  expect(manifestText(manifest)).toBe(`name = "thermostat"
cgi = false

[[http]]
route = "/thermostat/{device}"
methods = ["GET", "POST"]

[[http]]
route = "/x"

[http.response]
status = 404

[[mqtt]]
topic = "sensors/+/temperature"
qos = 1
order = "none"

[grants]
buckets = ["default"]

[limits]
timeout = "5s"

[config]
threshold = "30"
"a b" = "c\\"\\n"

[config.token]
secret = "key"
`);
});
