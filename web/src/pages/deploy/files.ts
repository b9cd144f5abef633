// What was dropped or chosen: a component, a manifest, or something that is neither, which is told before anything is
// sent.
import { bytes } from "../../lib/format";

export interface Component {
  /** Another one is another number, also under the same name. */
  id: number;
  fileName: string;
  /** Read at once: a build that goes on under it would break an upload off. */
  blob: Blob;
}

export interface ManifestFile {
  id: number;
  fileName: string;
  text: string;
}

export interface Sorted {
  component?: Component;
  manifest?: ManifestFile;
  /** One sentence each. */
  problems: string[];
}

export const COMPONENT_BYTES_MAX = 64 * 1024 * 1024;
const MANIFEST_BYTES_MAX = 64 * 1024;
let lastId = 0;
export const nextId = (): number => ++lastId;

export async function sortFiles(files: readonly File[], bytesMax = COMPONENT_BYTES_MAX): Promise<Sorted> {
  const manifests = files.filter(({ name }) => /\.toml$/i.test(name));
  const components = files.filter((file) => !manifests.includes(file));
  if (components.length > 1)
    return {
      problems: [
        `These are ${components.length} components. A function has one: drop one .wasm file, with its .toml file or without.`,
      ],
    };
  if (manifests.length > 1) return { problems: ["These are several manifests. Drop one .toml file."] };
  const sorted: Sorted = { problems: [] };
  const [component] = components;
  const [manifest] = manifests;
  if (component) await readComponent(component, bytesMax, sorted);
  if (manifest) await readManifest(manifest, sorted);
  return sorted;
}

async function readComponent(file: File, bytesMax: number, sorted: Sorted): Promise<void> {
  const { name, size } = file;
  if (size > bytesMax) {
    sorted.problems.push(
      `${name} has ${bytes(size)}; this host takes ${bytes(bytesMax)} at most. Build it for release and strip it: debug information is most of it.`,
    );
    return;
  }
  const content = await file.arrayBuffer().catch(() => null);
  if (content === null) {
    sorted.problems.push(`${name} cannot be read. Is it a folder? Drop the .wasm file itself.`);
    return;
  }
  const other = otherKind(new Uint8Array(content, 0, Math.min(content.byteLength, 16)));
  if (other)
    sorted.problems.push(`${name} is ${other}, not a WebAssembly component. Drop the .wasm file that your build made.`);
  else sorted.component = { id: nextId(), fileName: name, blob: new Blob([content], { type: "application/wasm" }) };
}

async function readManifest(file: File, sorted: Sorted): Promise<void> {
  const { name, size } = file;
  if (size > MANIFEST_BYTES_MAX) {
    sorted.problems.push(`${name} has ${bytes(size)}; a manifest has ${bytes(MANIFEST_BYTES_MAX)} at most.`);
    return;
  }
  const text = await file.text().catch(() => null);
  if (text === null) sorted.problems.push(`${name} cannot be read.`);
  else if (/^\s*spin_manifest_version\b/m.test(text)) {
    sorted.problems.push(
      `${name} is the manifest of a Spin app. Deploy it on the command line: tidegate deploy ${name}`,
    );
  } else sorted.manifest = { id: nextId(), fileName: name, text };
}

const KINDS: readonly [readonly number[], string][] = [
  [[0x7f, 0x45, 0x4c, 0x46], "a native program"],
  [[0x4d, 0x5a], "a Windows program"],
  [[0x1f, 0x8b], "gzip-compressed"],
  [[0x50, 0x4b, 3, 4], "a zip archive"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd-compressed"],
];
const WASM = [0, 0x61, 0x73, 0x6d];

/** By its first bytes; null where it is WebAssembly. */
export function otherKind(head: Uint8Array): string | null {
  const begins = (magic: readonly number[]) => magic.every((byte, index) => head[index] === byte);
  if (begins(WASM)) return null;
  if (head.length === 0) return "empty";
  const known = KINDS.find(([magic]) => begins(magic));
  if (known) return known[1];
  const text = new TextDecoder().decode(head).trimStart();
  if (/^\((?:component|module)\b/.test(text)) return "WebAssembly text";
  return head.every((byte) => byte >= 9 && byte < 127) ? "text" : "some other kind of file";
}
