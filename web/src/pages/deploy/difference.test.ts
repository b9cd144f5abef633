import { expect, test } from "vitest";
import type { Triggers } from "../../api/types";
import { plain } from "../../lib/words";
import { difference } from "./difference";

const none: Triggers = { http: [], mqtt: [], schedule: [] };

test("what another revision would lose and gain", () => {
  const before: Triggers = { ...none, mqtt: [{ topic: "sensors/#", qos: 1, order: "none" }] };
  const after: Triggers = { ...none, http: [{ route: "/a", methods: ["GET"] }] };
  const grants = { buckets: ["default"], databases: [], publish: [], outbound: [], secrets: [] };
  const { gone, added } = difference(
    { triggers: before, manifest: { grants, limits: { timeout: "5s", cpu: null }, config: { threshold: "30" } } },
    { triggers: after, grants: { ...grants, buckets: ["default:ro"] }, manifest: { config: { threshold: "31" } } },
  );
  expect(gone.map(plain)).toEqual([
    "is started by messages to sensors/#",
    "reads and writes the bucket default",
    "has the limit timeout = 5s",
  ]);
  expect(added.map(plain)).toEqual(["is started by GET requests to /a", "reads the bucket default"]);
});
