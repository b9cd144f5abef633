// Saves bytes as a file.
import { Icon } from "./Icon";

export interface DownloadButtonProps {
  bytes: Uint8Array<ArrayBuffer>;
  fileName: string;
  /** For screen readers, after "Download": "the value". */
  what: string;
}

export function DownloadButton({ bytes, fileName, what }: DownloadButtonProps) {
  const save = () => {
    // A type that no browser shows by itself.
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = fileName;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return (
    <button type="button" class="button small" aria-label={`Download ${what}`} onClick={save}>
      <Icon name="down" size={14} /> Download
    </button>
  );
}
