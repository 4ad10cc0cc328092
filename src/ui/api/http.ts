import { signal } from "@preact/signals";

/** These pages live at <base>/ui/, the API at <base>/: wherever a reverse proxy has put both. */
const API = new URL("../", document.baseURI.replace(/[#?].*$/, ""));

/** 401: nobody is logged in, or the key has expired. The shell shows the login form instead of the page. */
export const loginNeeded = signal(false);
/** The server's clock minus ours, milliseconds; times of a database are told by its clock. */
export const clockSkew = signal(0);

let csrf: string | null = null;
export function setCsrfToken(token: string | null): void {
  csrf = token;
}

/** A refusal or failure in words. `code` is the problem's stable code, `unreachable` when no answer came at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: Array<{ pointer: string; detail: string }> = [],
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export function apiUrl(path: string): URL {
  return new URL(path.replace(/^\//, ""), API);
}

export type Query = Record<string, string | number | readonly string[] | null | undefined>;

export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) continue;
    search.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let response: Response;
  try {
    response = await fetch(apiUrl(path), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(
      0,
      "unreachable",
      "The server does not answer. It may be restarting; trying again shows whether it is back.",
    );
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header has whole seconds only: a smaller difference says nothing.
  if (!Number.isNaN(date)) clockSkew.value = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  if (response.status === 401 && path !== "session") loginNeeded.value = true;
  return response;
}

/** The answer's JSON; rejects with ApiError for everything that is not 2xx (or in `alsoFine`). */
export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  more: { signal?: AbortSignal; alsoFine?: number[] } = {},
): Promise<T> {
  const response = await request(method, path, body, more.signal);
  const text = await response.text();
  let value: unknown = null;
  try {
    value = text === "" ? null : JSON.parse(text);
  } catch {
    if (response.ok)
      throw new ApiError(
        response.status,
        "not_json",
        "The answer is not JSON: is something else listening at this address?",
      );
  }
  if (response.ok || more.alsoFine?.includes(response.status)) return value as T;
  throw problem(response, value);
}

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", withQuery(path, query), undefined, { signal });
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> =>
  call<T>("POST", path, body, { signal });

export function problem(response: Response, value: unknown): ApiError {
  const fields = (value ?? {}) as { code?: string; detail?: string; title?: string; errors?: ApiError["errors"] };
  const retryAfter = Number(response.headers.get("retry-after"));
  return new ApiError(
    response.status,
    fields.code ?? `http_${response.status}`,
    fields.detail ?? fields.title ?? `The server answered ${response.status} ${response.statusText}`.trim(),
    Array.isArray(fields.errors) ? fields.errors : [],
    Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null,
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
