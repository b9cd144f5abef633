// For whoever has no session: a token is pasted once and becomes a cookie that scripts cannot read.
import { useEffect, useRef, useState } from "preact/hooks";
import { sessionError, signIn } from "../api/session";
import { pageTitle } from "../lib/title";
import { CodeLine } from "../parts/CodeLine";
import { Field } from "../parts/Field";
import { Logo } from "../parts/Icon";

export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [token, setToken] = useState("");
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    pageTitle.value = "Sign in";
    form.current?.querySelector("input")?.focus();
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    await signIn(token.trim());
    setBusy(false);
  };
  const error = sessionError.value;
  return (
    <main class="sign-in">
      <div class="card">
        <div class="sign-in-brand">
          <Logo />
          <h1>Sign in to Tidegate</h1>
        </div>
        <form ref={form} class="stack" onSubmit={(event) => void submit(event)}>
          <Field
            label="Token"
            hint="It is kept in a cookie that scripts cannot read, until it expires or you sign out."
            error={error?.detail}
          >
            {(aria) => (
              <input
                {...aria}
                type="password"
                autocomplete="off"
                required
                value={token}
                onInput={(event) => setToken(event.currentTarget.value)}
              />
            )}
          </Field>
          <button type="submit" class="button primary" disabled={busy || !token.trim()} aria-busy={busy}>
            Sign in
          </button>
        </form>
        <CodeLine label="No token yet? Make one on the host:" command="tidegate token create --role admin" />
        <p class="quiet small">On its first start, the host prints a link that signs its reader in once.</p>
      </div>
    </main>
  );
}
