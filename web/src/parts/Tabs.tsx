// Tabs, moved through with the arrow keys. Only the shown panel exists.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export interface Tab {
  id: string;
  title: string;
  count?: number | undefined;
  panel: () => ComponentChildren;
}

export interface TabsProps {
  label: string;
  tabs: readonly Tab[];
  /** Falls back to the first. Keep it in the address: query.value.get("tab"), setQuery("tab", id). */
  current: string | null;
  onChange: (id: string) => void;
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

export function Tabs({ label, tabs, current, onChange }: TabsProps) {
  const prefix = useId();
  const list = useRef<HTMLDivElement>(null);
  const shown = tabs.find((tab) => tab.id === current) ?? tabs[0];
  // On a phone it may be out of sight.
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown?.id]);
  if (!shown) return null;
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const last = tabs.length - 1;
    const at = tabs.indexOf(shown) + step;
    const index = Number.isFinite(step) ? (at + tabs.length) % tabs.length : step < 0 ? 0 : last;
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[index]?.focus();
    onChange(tabs[index]?.id ?? shown.id);
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${prefix}-${tab.id}`}
            aria-selected={tab === shown}
            aria-controls={tab === shown ? `${prefix}-panel` : undefined}
            tabIndex={tab === shown ? 0 : -1}
            onClick={() => onChange(tab.id)}
          >
            {tab.title}
            {tab.count !== undefined && <span class="tab-count num">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${prefix}-panel`} aria-labelledby={`${prefix}-${shown.id}`} class="tab-panel">
        {shown.panel()}
      </div>
    </>
  );
}
