import { expect, test } from "vitest";
import {
  asJson,
  asText,
  fromBase64,
  hexDump,
  indentJson,
  parseBase64,
  parseHex,
  toBase64,
  toHex,
  visible,
} from "./payload";

test("text is what has no control characters", () => {
  expect(asText(new TextEncoder().encode("21.5 °C\n"))).toBe("21.5 °C\n");
  expect(asText(new Uint8Array([1, 2, 3]))).toBeNull();
  expect(asText(new Uint8Array([0xff, 0xfe]))).toBeNull();
});

test("only objects and arrays gain from being shown as JSON", () => {
  expect(asJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(asJson("21.5")).toBeNull();
  expect(asJson("[1, 2")).toBeNull();
});

test("base64 there and back", () => {
  const bytes = new Uint8Array([0, 1, 250, 255]);
  expect(fromBase64(toBase64(bytes))).toEqual(bytes);
});

test("a hex dump shows where, what, and as text", () => {
  expect(hexDump(new TextEncoder().encode("hello\u0000"))).toBe(`00000000  68 65 6c 6c 6f 00${" ".repeat(30)}  hello·`);
  expect(hexDump(new Uint8Array(5000)).endsWith("… and 904 bytes more")).toBe(true);
});

test("indenting changes nothing but spaces", () => {
  expect(asJson('{"id":12345678901234567890,"a":1,"a":2.50}')).toBe(
    '{\n  "id": 12345678901234567890,\n  "a": 1,\n  "a": 2.50\n}',
  );
  expect(asJson('[ [], {}, "a,b:{\\"c\\"}", [null ,true] ]')).toBe(
    '[\n  [],\n  {},\n  "a,b:{\\"c\\"}",\n  [\n    null,\n    true\n  ]\n]',
  );
  const nested = '{"a":{"b":[1,-2,"x"]},"c":[]}';
  expect(indentJson(nested)).toBe(JSON.stringify(JSON.parse(nested), null, 2));
});

test("hexadecimal digits, with or without separators", () => {
  const bytes = new Uint8Array([1, 2, 250]);
  for (const text of ["01 02 fa", "0102FA", "01:02:fa", "0x01, 0x02, 0xfa\n"])
    expect(parseHex(text).bytes).toEqual(bytes);
  expect(parseHex("").bytes).toEqual(new Uint8Array());
  expect(parseHex("01 0").problem).toContain("odd");
  expect(parseHex("0g").problem).toContain('"g"');
  expect(parseHex(toHex(bytes)).bytes).toEqual(bytes);
});

test("base64 with line breaks, and what is none", () => {
  expect(parseBase64("AQID\n+gAJ").bytes).toEqual(new Uint8Array([1, 2, 3, 250, 0, 9]));
  expect(parseBase64("").bytes).toEqual(new Uint8Array());
  expect(parseBase64("not base64!").problem).not.toBeNull();
});

test("control characters become visible", () => {
  expect(visible("a\u0000b\nc\u007f")).toBe("a␀b␊c␡");
});
