// What is shown once and never again.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CopyButton } from "../../parts/CodeLine";
import { Icon } from "../../parts/Icon";

export interface OnceProps {
  /** "password", "token" */
  what: string;
  value: string;
  /** What to do if it is lost. */
  lost: string;
  children?: ComponentChildren;
}

export function Once({ what, value, lost, children }: OnceProps) {
  const box = useRef<HTMLDivElement>(null);
  // What had the focus, the button that made it, is gone; and a dialog around it is yet to be opened.
  useEffect(() => void requestAnimationFrame(() => box.current?.focus()), []);
  return (
    <div class="once stack" ref={box} tabIndex={-1}>
      <div class="notice warn">
        <Icon name="warning" />
        <p class="grow">
          <strong>Copy the {what} now: it is not shown again.</strong> {lost}
        </p>
      </div>
      <div class="code-line">
        <p class="label">The {what}</p>
        <div class="code-line-box">
          <pre>
            <code>{value}</code>
          </pre>
          <CopyButton text={value} what={`the ${what}`} />
        </div>
      </div>
      {children}
    </div>
  );
}
