// The row above a table or a feed.
import type { ComponentChildren } from "preact";
import { Icon } from "./Icon";

export const Toolbar = ({ children }: { children: ComponentChildren }) => <div class="toolbar">{children}</div>;

export interface FilterInputProps {
  /** Names it for screen readers: "Filter functions". */
  label: string;
  value: string;
  onInput: (text: string) => void;
  placeholder?: string;
}

/** `/` goes here, Escape empties it. */
export function FilterInput({ label, value, onInput, placeholder = "Filter" }: FilterInputProps) {
  return (
    <div class="filter">
      <Icon name="search" size={14} />
      <input
        type="search"
        data-filter
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        value={value}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (value) onInput("");
          else event.currentTarget.blur();
        }}
      />
    </div>
  );
}
