import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TaskerError } from "../../errors";
import type { ApiKeyRecord } from "../../store/store";

/**
 * Sessions of people at the web pages. Logging in with a key makes a key of the session's own, in a
 * cookie that no script can read. It is stored hashed like any other, works for 12 hours on every
 * API process, and may do what the key that it stands for may do at that moment. Removing either
 * ends it. The browser never keeps the key itself.
 *
 *   POST /session {key} ──▶ cookie + CSRF token ──changes carry the token──▶ DELETE /session
 */
export const SESSION_HOURS = 12;
const COOKIE = "tasker_session";
const MARK = "session:";
const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/** The session's key that the request's cookie holds; null: none. */
export function sessionKey(req: IncomingMessage): string | null {
  const { cookie } = req.headers;
  if (cookie === undefined) return null;
  for (const pair of cookie.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === COOKIE && value && value.length <= 200) return value;
  }
  return null;
}

/** `Set-Cookie` that begins a session. `Strict`: a request from another site arrives without it. */
export function sessionCookie(req: IncomingMessage, key: string): string {
  const proxied = req.headers["x-forwarded-proto"];
  const secure = proxied === "https" || "encrypted" in req.socket;
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_HOURS * 3600}${secure ? "; Secure" : ""}`;
  return `${COOKIE}=${key}; ${attributes}`;
}

export const ENDED_COOKIE = `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;

/** Derived from the session's key, so that every API process knows it and none stores it. */
export function csrfToken(key: string): string {
  return createHmac("sha256", key).update("csrf").digest("hex");
}

/**
 * Throws TaskerError `forbidden` when a session's request would change something without proof that
 * our page sent it. Some requests change something although their method says otherwise
 * (`legacy_get`).
 */
export function checkCsrf(req: IncomingMessage, key: string, changes: boolean): void {
  if (!changes && READS.has(req.method ?? "")) return;
  const given = req.headers["x-csrf-token"];
  const wanted = Buffer.from(csrfToken(key));
  const shown = Buffer.from(typeof given === "string" ? given : "");
  if (shown.length === wanted.length && timingSafeEqual(shown, wanted)) return;
  throw new TaskerError(
    "forbidden",
    "A session's requests need its X-CSRF-Token, which GET /session returns; programs use an API key instead",
  );
}

/** A session's record holds, in place of scopes, its key. No scope has such a name. */
export function sessionOf(parent: { keyId: string | null; name: string | null }): string {
  return MARK + (parent.keyId ?? `config:${parent.name}`);
}

/** The key that a session stands for; null: the record is no session. */
export function parentOf(record: ApiKeyRecord): { keyId: string } | { configured: string } | null {
  const mark = record.scopes.find((scope) => scope.startsWith(MARK));
  if (mark === undefined) return null;
  const parent = mark.slice(MARK.length);
  return parent.startsWith("config:") ? { configured: parent.slice("config:".length) } : { keyId: parent };
}
