import { expect, test } from "vitest";
import { otherKind, sortFiles } from "./files";

const WASM = new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);
const file = (name: string, content: BlobPart = WASM) => new File([content], name);
const problem = async (...files: File[]) => (await sortFiles(files, 1024)).problems[0];

test("a component and its manifest, dropped together", async () => {
  const { component, manifest, problems } = await sortFiles([file("tidegate.toml", "name = 'a'"), file("hello.wasm")]);
  expect(problems).toEqual([]);
  expect(component).toMatchObject({ fileName: "hello.wasm" });
  expect(component?.blob.size).toBe(WASM.length);
  expect(manifest).toMatchObject({ fileName: "tidegate.toml", text: "name = 'a'" });
});

test("each choice is another one, also of the same file", async () => {
  const [first, second] = [await sortFiles([file("a.wasm")]), await sortFiles([file("a.wasm")])];
  expect(first.component?.id).not.toBe(second.component?.id);
});

test("what is no component is told, and what to do", async () => {
  expect(await problem(file("notes.txt", "hello"))).toContain("notes.txt is text, not a WebAssembly component");
  expect(await problem(file("a.wasm", ""))).toContain("a.wasm is empty");
  expect(await problem(file("a.wasm", "(component)"))).toContain("WebAssembly text");
  expect(await problem(file("a.gz", new Uint8Array([0x1f, 0x8b, 8])))).toContain("gzip");
  expect(await problem(file("a.wasm", new Uint8Array(1025)))).toContain("this host takes 1.0 KiB at most");
  expect(await problem(file("a.wasm"), file("b.wasm"))).toContain("2 components");
  expect(await problem(file("a.toml", ""), file("b.toml", ""))).toContain("several manifests");
  expect(await problem(file("a.toml", "#".repeat(65_537)))).toContain("64 KiB at most");
  expect(await problem(file("spin.toml", "spin_manifest_version = 2"))).toContain("tidegate deploy spin.toml");
});

test("bytes that are no text are some other kind of file", () => {
  expect(otherKind(new Uint8Array([200, 1, 2]))).toBe("some other kind of file");
});
