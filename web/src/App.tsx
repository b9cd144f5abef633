// Signed out, unreachable, or a page.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { session, sessionError, start } from "./api/session";
import { path } from "./lib/location";
import { SignIn } from "./pages/SignIn";
import { EmptyState } from "./parts/EmptyState";
import { Loading, ProblemNotice } from "./parts/Loaded";
import { Page } from "./parts/Page";
import { Shell } from "./parts/Shell";
import { type PageProps, type Params, match } from "./routes";

export function App() {
  const signedIn = useRef(false);
  if (session.value === undefined) return <Unreachable />;
  if (session.value === null) {
    signedIn.current = true;
    return <SignIn />;
  }
  return (
    <Shell>
      <CurrentPage signedIn={signedIn.current} />
    </Shell>
  );
}

function Unreachable() {
  const error = sessionError.value;
  return (
    <main class="sign-in">
      <h1 class="hidden">Tidegate</h1>
      {error ? <ProblemNotice error={error} onRetry={() => void start()} /> : <Loading what="the session" />}
    </main>
  );
}

interface Shown {
  path: string;
  Content: ComponentType<PageProps>;
  params: Params;
}

/** `signedIn`: somebody has just done so here, and what had the focus is gone. */
function CurrentPage({ signedIn }: { signedIn: boolean }) {
  const [shown, setShown] = useState<Shown | null>(null);
  const [failed, setFailed] = useState(false);
  const wanted = path.value;
  useEffect(() => {
    let left = false;
    const found = match(wanted);
    if (!found) {
      setShown({ path: wanted, Content: NotFound, params: {} });
      return undefined;
    }
    found.route.load().then(
      ({ default: Content }) => left || (setFailed(false), setShown({ path: wanted, Content, params: found.params })),
      () => left || setFailed(true),
    );
    return () => {
      left = true;
    };
  }, [wanted]);
  useFocusOnHeading(shown?.path ?? null, signedIn);
  if (failed) return <LoadFailed />;
  // The page before stays until the next one is there.
  if (!shown) return <Loading what="the page" />;
  return <shown.Content key={shown.path} params={shown.params} />;
}

/** A screen reader has to notice that the page is another one; not at the first, unless something was before. */
function useFocusOnHeading(shown: string | null, wasOther: boolean): void {
  const [first, setFirst] = useState<string | null>(null);
  useEffect(() => {
    if (shown === null) return;
    if (first === null) setFirst(shown);
    if (first !== null || wasOther) {
      document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }, [shown]);
}

function NotFound() {
  return (
    <Page title="No such page">
      <EmptyState title="There is no page at this address." action={<a href="#/">To the overview</a>} />
    </Page>
  );
}

function LoadFailed() {
  return (
    <Page title="Not loaded">
      <EmptyState
        title="This page could not be loaded."
        text="The host does not answer, or was updated while this tab was open."
        action={
          <button type="button" class="button primary" onClick={() => location.reload()}>
            Reload
          </button>
        }
      />
    </Page>
  );
}
