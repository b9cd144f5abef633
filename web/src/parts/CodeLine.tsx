// A command to take along.
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./Icon";

export interface CopyButtonProps {
  text: string;
  /** For screen readers, after "Copy": "the token". */
  what: string;
  /** Only its icon, for a place within a line. */
  compact?: boolean;
}

export function CopyButton({ text, what, compact = false }: CopyButtonProps) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // The clipboard is closed to pages that came over plain HTTP from another machine.
      setSaid("Select and copy by hand");
    }
  };
  return (
    <button
      type="button"
      class={compact ? "button small quiet" : "button small"}
      onClick={() => void copy()}
      aria-label={said ? undefined : `Copy ${what}`}
    >
      <Icon name={said === "Copied" ? "check" : "copy"} size={14} />
      <span aria-live="polite" class={compact && !said ? "hidden" : ""}>
        {said || "Copy"}
      </span>
    </button>
  );
}

export interface CodeLineProps {
  command: string;
  /** What it is for, above the line. */
  label?: string;
}

export function CodeLine({ command, label }: CodeLineProps) {
  return (
    <div class="code-line">
      {label && <p class="label">{label}</p>}
      <div class="code-line-box">
        <pre>
          <code>{command}</code>
        </pre>
        <CopyButton text={command} what={command} />
      </div>
    </div>
  );
}
