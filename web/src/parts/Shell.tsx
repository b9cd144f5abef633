// What is around every page: navigation, the state of the host and of the connection, and whose session it is.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { health, live, mqttOn, staleVersion } from "../api/live";
import { can, session, signOut } from "../api/session";
import { addShortcuts, focusFilter } from "../lib/keys";
import { go, path } from "../lib/location";
import { THEMES, theme } from "../lib/theme";
import { type NavEntry, navigation } from "../routes";
import { FeedLight } from "./FeedLight";
import { Icon, Logo } from "./Icon";
import { KeyHelp } from "./KeyHelp";
import { Notices } from "./Notices";
import { StatusBadge } from "./StatusBadge";

export function Shell({ children }: { children: ComponentChildren }) {
  const [menuOpen, setMenuOpen] = useState(false);
  const [helpOpen, setHelpOpen] = useState(false);
  useEffect(
    () =>
      addShortcuts([
        { keys: "/", does: "To the filter", run: focusFilter },
        ...navigation.map(({ key, title, path: target }) => ({
          keys: `g ${key}`,
          does: `To ${title}`,
          run: () => go(`#${target}`),
        })),
        { keys: "?", does: "Show these keys", run: () => setHelpOpen(true) },
      ]),
    [],
  );
  useEffect(() => setMenuOpen(false), [path.value]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the page
      </a>
      <header class={menuOpen ? "side open" : "side"}>
        <div class="brand">
          <a href="#/" class="brand-link">
            <Logo />
            <span>Tidegate</span>
          </a>
          <span class="only-narrow">
            <FeedLight state={live.state.value} />
          </span>
          <button
            type="button"
            class="icon-button only-narrow"
            aria-expanded={menuOpen}
            aria-controls="menu"
            aria-label="Menu"
            onClick={() => setMenuOpen(!menuOpen)}
          >
            <Icon name={menuOpen ? "cross" : "menu"} size={20} />
          </button>
        </div>
        <div id="menu" class="menu">
          <nav aria-label="Pages">
            <ul>
              {navigation.filter(isShown).map((entry) => (
                <li key={entry.path}>
                  <a href={`#${entry.path}`} aria-current={isCurrent(entry) ? "page" : undefined}>
                    <Icon name={entry.icon} />
                    {entry.title}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <div class="side-foot">
            <HostState />
            <ThemeSwitch />
            <Identity onHelp={() => setHelpOpen(true)} />
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {staleVersion.value !== null && <StaleBanner version={staleVersion.value} />}
        {children}
      </main>
      <Notices />
      <KeyHelp open={helpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

// The fragment is the address of the page here, so the link moves the focus itself.
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

const isShown = (entry: NavEntry): boolean => (!entry.broker || mqttOn.value) && (!entry.deployer || can.deploy.value);

function isCurrent({ path: target }: NavEntry): boolean {
  if (target === "/") return path.value === "/" || path.value.startsWith("/functions/");
  return path.value === target || path.value.startsWith(`${target}/`);
}

function HostState() {
  const state = health.value;
  return (
    <dl class="host-state">
      <div>
        <dt>Host</dt>
        <dd>
          {state === null ? (
            <StatusBadge tone="neutral">unknown</StatusBadge>
          ) : state.state === "ok" ? (
            <StatusBadge tone="ok">healthy</StatusBadge>
          ) : (
            <a href="#/">
              <StatusBadge tone="warn">degraded</StatusBadge>
            </a>
          )}
        </dd>
      </div>
      <div>
        <dt>Connection</dt>
        <dd>
          <FeedLight state={live.state.value} />
        </dd>
      </div>
    </dl>
  );
}

function ThemeSwitch() {
  return (
    <div class="switch" role="group" aria-label="Theme">
      {THEMES.map((one) => (
        <button key={one} type="button" aria-pressed={theme.value === one} onClick={() => (theme.value = one)}>
          {one}
        </button>
      ))}
    </div>
  );
}

function Identity({ onHelp }: { onHelp: () => void }) {
  const who = session.value;
  return (
    <div class="identity">
      <p class="grow">
        <span class="identity-name">{who?.subject}</span>
        <span class="quiet small">{who?.role}</span>
      </p>
      <button type="button" class="icon-button" aria-label="Show the keys" title="Keys (?)" onClick={onHelp}>
        <Icon name="keyboard" />
      </button>
      <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" onClick={() => void signOut()}>
        <Icon name="signOut" />
      </button>
    </div>
  );
}

function StaleBanner({ version }: { version: string }) {
  return (
    <div class="notice info" role="status">
      <Icon name="info" />
      <p class="grow">The host now runs version {version}. This page belongs to the one before.</p>
      <button type="button" class="button small" onClick={() => location.reload()}>
        Reload
      </button>
    </div>
  );
}
