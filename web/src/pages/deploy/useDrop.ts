// Files dropped anywhere in the window. Without it the browser would leave the page and open them.
import { useEffect, useState } from "preact/hooks";

export function useDrop(onFiles: (files: readonly File[]) => void, enabled: boolean): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Entering a child is told before leaving its parent, so entries are counted.
    let depth = 0;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const show = (count: number) => {
      depth = Math.max(0, count);
      setOver(enabled && depth > 0);
    };
    const onEnter = (event: DragEvent) => hasFiles(event) && show(depth + 1);
    const onLeave = (event: DragEvent) => hasFiles(event) && show(depth - 1);
    const onOver = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = enabled ? "copy" : "none";
    };
    const onDrop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      show(0);
      if (enabled) onFiles([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener("dragenter", onEnter);
    addEventListener("dragleave", onLeave);
    addEventListener("dragover", onOver);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragenter", onEnter);
      removeEventListener("dragleave", onLeave);
      removeEventListener("dragover", onOver);
      removeEventListener("drop", onDrop);
    };
  }, [onFiles, enabled]);
  return over;
}
