import { computed, signal } from "@preact/signals";
import { ApiError, call, loginNeeded, setCsrfToken } from "./http";
import type { Session } from "./types";

export const session = signal<Session | null>(null);
/** The server's version when this page was loaded. */
let loadedFrom: string | null = null;
/** The version that the server has now, where it is another one: what runs here is older than what it talks to. */
export const upgradedTo = computed(() => {
  const version = session.value?.version ?? null;
  return version === loadedFrom ? null : version;
});

const INCLUDES: Record<string, readonly string[]> = {
  read: ["read"],
  submit: ["submit"],
  operate: ["operate", "read"],
  admin: ["read", "submit", "operate", "admin"],
};

/** Whether the one who is logged in may do it; actions that may not be done are not shown. */
export function may(scope: "read" | "submit" | "operate" | "admin"): boolean {
  return (session.value?.scopes ?? []).some((own) => INCLUDES[own]?.includes(scope));
}

function enter(found: Session): void {
  setCsrfToken(found.csrf_token);
  loadedFrom ??= found.version ?? null;
  session.value = found;
  loginNeeded.value = false;
}

/** Asks who we are; without an answer 200 the login form appears. */
export async function loadSession(): Promise<void> {
  try {
    enter(await call<Session>("GET", "session"));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) loginNeeded.value = true;
    else throw error;
  }
}

export async function logIn(key: string): Promise<void> {
  enter(await call<Session>("POST", "session", { key }));
}

export async function logOut(): Promise<void> {
  await call("DELETE", "session");
  setCsrfToken(null);
  session.value = null;
  loginNeeded.value = true;
}
