// Bytes as people read and write them.
type Bytes = Uint8Array<ArrayBuffer>;

/** The text where the bytes are UTF-8 without control characters, else null. */
export function asText(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\u0000-\u0008\u000e-\u001f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

export const toBytes = (text: string): Bytes => new TextEncoder().encode(text);

/** Indented where it is a JSON object or array, else null: a bare 21.5 gains nothing from it. */
export function asJson(text: string): string | null {
  return /^\s*[[{]/.test(text) && jsonProblem(text) === null ? indentJson(text) : null;
}

/** What is wrong with it as JSON; null where nothing is. */
export function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** A string, what opens or closes, what separates, or a number or word. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Only the spaces change: parsing and writing again would round long numbers and drop keys that stand twice. */
export function indentJson(text: string): string {
  let made = "";
  let depth = 0;
  let before = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(TOKENS)) {
    const opened = before === "{" || before === "[";
    if (token === "}" || token === "]") {
      depth -= 1;
      made += opened ? token : line() + token;
    } else {
      made += (opened || before === "," ? line() : "") + (token === ":" ? ": " : token);
      if (token === "{" || token === "[") depth += 1;
    }
    before = token;
  }
  return made;
}

export const fromBase64 = (text: string): Bytes => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

export const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join(" ");

export type Parsed = { bytes: Bytes; problem: null } | { bytes: null; problem: string };

const wrong = (problem: string): Parsed => ({ bytes: null, problem });

/** "01 02 fa", "0102fa", "01:02:fa" */
export function parseHex(text: string): Parsed {
  const digits = text.replace(/0x|[\s:,]/gi, "");
  const other = /[^0-9a-f]/i.exec(digits);
  if (other) return wrong(`${JSON.stringify(other[0])} is no hexadecimal digit: use 0 to 9 and a to f.`);
  if (digits.length % 2 === 1) return wrong("A byte is two digits, and there is an odd number of them.");
  return { bytes: Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16)), problem: null };
}

export function parseBase64(text: string): Parsed {
  try {
    return { bytes: fromBase64(text.replace(/\s/g, "")), problem: null };
  } catch {
    return wrong("This is not base64: it has A to Z, a to z, 0 to 9, + and /, with = at the end.");
  }
}

/** For one line: what has no shape of its own gets one, such as ␀ and ␊. */
export const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f]/g, (one) =>
    String.fromCharCode(one === "\u007f" ? 0x2421 : 0x2400 + one.charCodeAt(0)),
  );

const HEX_BYTES_MAX = 4096;

/** "00000000  68 65 6c 6c 6f   hello" */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  const end = Math.min(bytes.length, HEX_BYTES_MAX);
  for (let at = 0; at < end; at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, end));
    const text = Array.from(row, (one) => (one >= 32 && one < 127 ? String.fromCharCode(one) : "·")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${toHex(row).padEnd(47)}  ${text}`);
  }
  if (end < bytes.length) lines.push(`… and ${bytes.length - end} bytes more`);
  return lines.join("\n");
}
