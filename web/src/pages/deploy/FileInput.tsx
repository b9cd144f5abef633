// Files by the keyboard and by the mouse: the browser's own control, drawn as a button.
import type { ComponentChildren } from "preact";

export interface FileInputProps {
  onFiles: (files: readonly File[]) => void;
  accept?: string;
  primary?: boolean;
  small?: boolean;
  disabled?: boolean;
  children: ComponentChildren;
}

export function FileInput({ onFiles, accept = ".wasm,.toml", primary, small, disabled, children }: FileInputProps) {
  return (
    <label class={`button file-input ${primary ? "primary" : ""} ${small ? "small" : ""}`}>
      {children}
      <input
        type="file"
        class="hidden"
        accept={accept}
        multiple
        disabled={disabled}
        onChange={({ currentTarget: input }) => {
          onFiles([...(input.files ?? [])]);
          // The same file, built anew, has to count as another choice.
          input.value = "";
        }}
      />
    </label>
  );
}
