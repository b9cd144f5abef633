// Files dropped on a page, as a pointer does it.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

/** A file for dropFiles: of a path, or of bytes. */
export const fileOf = async (path, name = basename(path)) => ({ name, bytes: await readFile(path) });

/** Drags the files in over the page, and lets go of them; in between, `whileOver` may look. */
export async function dropFiles(page, files, whileOver = () => undefined) {
  const sent = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString("base64") }));
  const dataTransfer = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of given) {
      const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    return transfer;
  }, sent);
  for (const type of ["dragenter", "dragover"]) await page.dispatchEvent("main", type, { dataTransfer });
  await whileOver();
  await page.dispatchEvent("main", "drop", { dataTransfer });
  await dataTransfer.dispose();
}
