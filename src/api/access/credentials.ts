import type { IncomingMessage } from "node:http";

/** Longer than any key; such a text is not digested. */
const MAX_LENGTH = 512;

/**
 * The keys that a request may mean, most likely first; empty: it brings none. They come from
 * `Authorization: Bearer`, HTTP Basic (the key as password; or a stored key's id as user and its
 * secret as password; or the key as user without password), `X-Api-Key`, and `?key=` only where
 * `urlKey` is given. The first of these that is there decides.
 */
export function presentedKeys(req: IncomingMessage, urlKey: string | null): string[] {
  const authorization = req.headers.authorization;
  if (authorization !== undefined) return short(fromAuthorization(authorization));
  const header = req.headers["x-api-key"];
  if (header !== undefined) return short([Array.isArray(header) ? header.join(", ") : header]);
  return urlKey === null ? [] : short([urlKey]);
}

/** Whether the request brings something that wants to be a key, right or wrong. */
export function bringsKey(req: IncomingMessage, urlKey: string | null): boolean {
  return req.headers.authorization !== undefined || req.headers["x-api-key"] !== undefined || urlKey !== null;
}

function fromAuthorization(value: string): string[] {
  const space = value.indexOf(" ");
  const scheme = value.slice(0, space).toLowerCase();
  const rest = value.slice(space + 1).trim();
  if (scheme === "bearer") return [rest];
  if (scheme !== "basic" || rest.length > 2 * MAX_LENGTH) return [];
  const pair = Buffer.from(rest, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 0) return [];
  const user = pair.slice(0, colon);
  const password = pair.slice(colon + 1);
  return password === "" ? [user] : [password, `tsk_${user}_${password}`];
}

function short(keys: string[]): string[] {
  return keys.filter((key) => key.length > 0 && key.length <= MAX_LENGTH);
}
