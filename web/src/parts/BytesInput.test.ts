import { expect, test } from "vitest";
import { bytesOf, draftOf, respelled } from "./BytesInput";

test("bytes stay the same in every spelling", () => {
  const bytes = new TextEncoder().encode('{"a":"ü"}');
  let draft = draftOf(bytes, "text");
  for (const as of ["hex", "base64", "JSON", "hex", "text"] as const) {
    draft = respelled(draft, as);
    expect(draft.as).toBe(as);
    expect(bytesOf(draft).bytes).toEqual(bytes);
  }
});

test("bytes that are no text become hexadecimal, and none is lost", () => {
  const binary = new Uint8Array([0, 255, 13, 10]);
  expect(draftOf(binary, "text")).toEqual({ as: "hex", text: "00 ff 0d 0a" });
  expect(respelled({ as: "base64", text: "AP8NCg==" }, "text")).toEqual({ as: "hex", text: "00 ff 0d 0a" });
  const marked = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
  expect(bytesOf(draftOf(marked, "text")).bytes).toEqual(marked);
});

test("a text area would change line ends that are not all alike", () => {
  expect(draftOf(new TextEncoder().encode("a\r\nb\nc"), "text").as).toBe("hex");
  expect(draftOf(new TextEncoder().encode("a\rb"), "JSON").as).toBe("hex");
  expect(draftOf(new TextEncoder().encode("a\r\nb"), "text")).toEqual({ as: "text", text: "a\r\nb" });
});

test("what cannot be read is kept and told", () => {
  expect(respelled({ as: "hex", text: "0g" }, "base64")).toEqual({ as: "base64", text: "0g" });
  expect(bytesOf({ as: "JSON", text: "{" }).problem).toContain("not JSON");
  expect(respelled({ as: "JSON", text: "{" }, "text")).toEqual({ as: "text", text: "{" });
});
