import { computed, signal } from "@preact/signals";
import type { Scope, Session } from "../../client/types";
import { isProblem, loginNeeded, read, send, setCsrfToken } from "./http";

export const session = signal<Session | null>(null);
/** The server's version when this page was loaded. */
let loadedFrom: string | null = null;
/** The server's present version if it differs: these pages are then outdated. */
export const upgradedTo = computed(() => {
  const version = session.value?.version ?? null;
  return version === loadedFrom ? null : version;
});

const INCLUDES: Record<Scope, readonly Scope[]> = {
  read: ["read"],
  submit: ["submit"],
  operate: ["operate", "read"],
  admin: ["read", "submit", "operate", "admin"],
};

/** Whether the user may do it. Forbidden actions are not shown. */
export function may(scope: Scope): boolean {
  return (session.value?.scopes ?? []).some((own) => INCLUDES[own].includes(scope));
}

function enter(found: Session): void {
  setCsrfToken(found.csrf_token);
  loadedFrom ??= found.version;
  session.value = found;
  loginNeeded.value = false;
}

/** Reads the session; any answer but 200 shows the login form. */
export async function loadSession(): Promise<void> {
  try {
    enter(await read<Session>(["session"]));
  } catch (error) {
    if (isProblem(error, 401)) loginNeeded.value = true;
    else throw error;
  }
}

export async function logIn(key: string): Promise<void> {
  enter(await send<Session>({ method: "POST", path: ["session"], body: { key }, repeat: "never" }));
}

export async function logOut(): Promise<void> {
  await send({ method: "DELETE", path: ["session"] });
  setCsrfToken(null);
  session.value = null;
  loginNeeded.value = true;
}
