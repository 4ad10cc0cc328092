import { signal } from "@preact/signals";
import { TaskerProblem, TaskerUnreachable } from "../../client/errors";
import { type Call, Http } from "../../client/http";
import { exactJson } from "../../model/json/exact-json";

/** The pages are at <base>/ui/ and the API is at <base>/, behind any reverse proxy. */
const API = new URL("../", document.baseURI.replace(/[#?].*$/, ""));
const SESSION = apiUrl("session").href;

/** 401: not logged in, or the key has expired. The shell then shows the login form. */
export const loginNeeded = signal(false);
/** The server's clock minus ours, in milliseconds; times are by the database's clock. */
export const clockSkew = signal(0);

let csrf: string | null = null;
export function setCsrfToken(token: string | null): void {
  csrf = token;
}

export function apiUrl(path: string): URL {
  return new URL(path, API);
}

/** The client's requests, not repeated: a page shows a failure and reads again on a change. */
export const http = new Http({ url: API.href, retries: 0, fetch: fetchHere, json: exactJson });

/** fetch with the session's cookie and token. Records what the headers of each answer say. */
async function fetchHere(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (csrf && init.method && init.method !== "GET") headers.set("X-CSRF-Token", csrf);
  const response = await fetch(input, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header has whole seconds only: a smaller difference says nothing.
  if (!Number.isNaN(date)) clockSkew.value = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  if (response.status === 401 && input !== SESSION) loginNeeded.value = true;
  return response;
}

export type Query = Record<string, string | number | readonly string[] | null | undefined>;

/** The answer of a GET. Null and empty parameters are left out. Rejects as `send` does. */
export function read<T>(path: readonly string[], query: Query = {}, signal?: AbortSignal): Promise<T> {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  return send<T>({ path, query: Object.fromEntries(given) as Call["query"], signal });
}

/** Rejects with TaskerProblem, TaskerUnreachable, or the reason of an aborted signal. */
export async function send<T>(call: Call): Promise<T> {
  return (await http.call(call)).body as T;
}

export function isProblem(error: unknown, ...statuses: number[]): boolean {
  return error instanceof TaskerProblem && statuses.includes(error.status);
}

/** The error as a sentence for people. */
export function messageOf(error: unknown): string {
  if (error instanceof TaskerUnreachable)
    return "The server does not answer. It may be restarting; trying again shows whether it is back.";
  return error instanceof Error ? error.message : String(error);
}
