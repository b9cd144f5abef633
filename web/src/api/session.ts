// Who is signed in. `undefined` while the host is being asked, `null` when nobody is.
import { computed, effect, signal } from "@preact/signals";
import { ApiError, del, get, post, unauthorized } from "./client";
import { takeLoginCode } from "../lib/location";
import type { Session } from "./types";

export const session = signal<Session | null | undefined>(undefined);
/** Why the sign-in page is shown, or why the host could not be asked. */
export const sessionError = signal<ApiError | null>(null);

/** What the role allows. Controls that it does not allow are not shown; the host checks all the same. */
export const can = {
  deploy: computed(() => session.value?.role === "deployer" || session.value?.role === "admin"),
  administer: computed(() => session.value?.role === "admin"),
};

/** Kept until the host has answered: a code is good once, but an answer that never came did not use it. */
let code = takeLoginCode();

export async function start(): Promise<void> {
  await ask(() => (code ? post<Session>("/session", { code }) : get<Session>("/session")));
}

export const signIn = (token: string): Promise<void> => ask(() => post<Session>("/session", { token }));

export async function signOut(): Promise<void> {
  await del("/session").catch(() => undefined);
  sessionError.value = null;
  session.value = null;
}

async function ask(request: () => Promise<Session>): Promise<void> {
  try {
    session.value = await request();
    sessionError.value = null;
    code = null;
  } catch (cause) {
    const error = cause as ApiError;
    const merelyAsked = session.value === undefined && code === null;
    sessionError.value = merelyAsked && error.status === 401 ? null : error;
    // A host that cannot be reached says nothing about the session: the page offers to try again.
    if (error.status < 400 || error.status >= 500) return;
    session.value = null;
    code = null;
  }
}

effect(() => {
  if (unauthorized.value > 0 && session.peek()) session.value = null;
});
