import { expect, test } from "vitest";
import { propertiesInWords } from "./properties";

test("properties in words; user properties stay in their order and may come twice", () => {
  const told = propertiesInWords({
    is_text: true,
    content_type: "application/json",
    correlation_data: [104, 105],
    user_properties: [
      ["trace", "1"],
      ["trace", "2"],
    ],
  });
  expect(told).toEqual([
    { name: "Said to be text", value: "yes" },
    { name: "Content type", value: "application/json" },
    { name: "Correlation data", value: "hi" },
    { name: "Property trace", value: "1" },
    { name: "Property trace", value: "2" },
  ]);
  expect(propertiesInWords({ correlation_data: [0, 255], hops: { a: 1 }, constructor: "x" })).toEqual([
    { name: "Correlation data", value: "00 ff" },
    { name: "hops", value: '{"a":1}' },
    { name: "constructor", value: "x" },
  ]);
  expect(propertiesInWords(null)).toEqual([]);
});
