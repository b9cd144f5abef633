// The frame of one page: its title (in the tab too), the way back, its actions.
import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";
import { pageTitle } from "../lib/title";
import { Icon } from "./Icon";

export interface Crumb {
  href: string;
  text: string;
}

export interface PageProps {
  title: string;
  /** Instead of `title` as the heading, where it is more than text. */
  heading?: ComponentChildren;
  crumbs?: readonly Crumb[];
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Page({ title, heading, crumbs = [], actions, children }: PageProps) {
  useEffect(() => {
    pageTitle.value = title;
  }, [title]);
  return (
    <>
      <div class="page-head">
        <div class="grow">
          {crumbs.length > 0 && (
            <nav aria-label="Way back" class="crumbs">
              {crumbs.map((crumb) => (
                <a key={crumb.href} href={crumb.href}>
                  <Icon name="back" size={12} />
                  {crumb.text}
                </a>
              ))}
            </nav>
          )}
          <h1 tabIndex={-1}>{heading ?? title}</h1>
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}

export interface SectionProps {
  title: string;
  /** Beside the title, at the right. */
  actions?: ComponentChildren;
  /** Without the box around. */
  plain?: boolean;
  children: ComponentChildren;
}

export function Section({ title, actions, plain = false, children }: SectionProps) {
  const id = useId();
  return (
    <section class="section" aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {plain ? children : <div class="card">{children}</div>}
    </section>
  );
}
