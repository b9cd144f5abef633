// A row of figures: a word, a number, and what it is measured against.
import type { ComponentChildren } from "preact";

export interface Figure {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  /** 0 to 1: how much of what there is. Drawn as a bar; the note says it in words. */
  share?: number | undefined;
  tone?: "warn" | "bad" | undefined;
  href?: string;
}

export function Figures({ label, figures }: { label: string; figures: readonly Figure[] }) {
  // Two even rows where one would be too tight; a wide screen gets one (figures.css).
  const columns = figures.length > 5 ? Math.ceil(figures.length / 2) : figures.length;
  return (
    <dl class="figures" aria-label={label} style={{ "--columns": columns, "--count": figures.length }}>
      {figures.map((figure) => (
        <div key={figure.label} class={`figure ${figure.tone ?? ""}`}>
          <dt>{figure.label}</dt>
          <dd class="figure-value num">{figure.href ? <a href={figure.href}>{figure.value}</a> : figure.value}</dd>
          {figure.share !== undefined && (
            <dd class="figure-bar" aria-hidden="true">
              <span style={{ width: `${Math.min(100, Math.max(0, figure.share * 100))}%` }} />
            </dd>
          )}
          {figure.note && <dd class="figure-note">{figure.note}</dd>}
        </div>
      ))}
    </dl>
  );
}
