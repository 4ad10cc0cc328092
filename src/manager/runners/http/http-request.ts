import { type ExactJsonObject, ExactNumber, writeExact } from "../../../model/json/exact-json";
import type { Grant } from "../../../store/store";
import { InvalidPayload } from "../command/template";
import { idempotencyKeyOf } from "../runner";

/** The HTTP call of a payload, checked. Header names are in lower case. */
export interface HttpRequest {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body: string | null;
}

const FIELDS = ["url", "method", "headers", "body"];
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/**
 * The connection's own business, and `host`, which would call on another site than the one that the
 * list allows.
 */
const RESERVED = new Set(
  "host connection content-length transfer-encoding upgrade expect te trailer keep-alive proxy-authorization proxy-connection".split(
    " ",
  ),
);
/** What may follow a redirect to another origin: everything else could be a credential. */
const HARMLESS = new Set(
  "accept accept-language accept-encoding content-type content-language user-agent traceparent idempotency-key".split(
    " ",
  ),
);

/**
 * `{url, method?, headers?, body?}` → request. `body`: text is sent as it is, other JSON as JSON.
 * Throws InvalidPayload.
 */
export function readRequest(payload: ExactJsonObject, grant: Grant): HttpRequest {
  for (const field of Object.keys(payload)) {
    if (!FIELDS.includes(field)) {
      throw new InvalidPayload(`The payload has the field "${field}"; an HTTP call takes ${FIELDS.join(", ")} only.`);
    }
  }
  const method = payload.method ?? "GET";
  if (typeof method !== "string" || !TOKEN.test(method) || /^connect$/i.test(method)) {
    throw new InvalidPayload('"method" must be an HTTP method such as GET or POST (CONNECT is not possible).');
  }
  const headers: Record<string, string> = { accept: "*/*", "accept-encoding": "identity", "user-agent": "tasker" };
  const key = idempotencyKeyOf(grant);
  if (HEADER_VALUE.test(key)) headers["idempotency-key"] = key;
  if (grant.traceparent !== null) headers.traceparent = grant.traceparent;
  const body = bodyOf(payload, headers);
  Object.assign(headers, readHeaders(payload.headers));
  return { url: readUrl(payload.url), method: method.toUpperCase(), headers, body };
}

/**
 * The request after a redirect; null if its Location is unusable. Credentials stay with the
 * origin they were given for.
 */
export function redirected(request: HttpRequest, status: number, location: string): HttpRequest | null {
  if (!URL.canParse(location, request.url.href)) return null;
  const url = new URL(location, request.url);
  if (url.username !== "" || url.password !== "") return null;
  let { method, body } = request;
  let headers = { ...request.headers };
  const toGet = (status === 303 && method !== "HEAD") || ((status === 301 || status === 302) && method === "POST");
  if (toGet) {
    method = "GET";
    body = null;
    headers = without(headers, (name) => name.startsWith("content-"));
  }
  if (url.origin !== request.url.origin) headers = without(headers, (name) => !HARMLESS.has(name));
  return { url, method, headers, body };
}

function readUrl(value: unknown): URL {
  if (typeof value !== "string" || !URL.canParse(value)) {
    throw new InvalidPayload('"url" must be an absolute URL such as "https://app.internal/jobs".');
  }
  const url = new URL(value);
  if (url.username !== "" || url.password !== "") {
    throw new InvalidPayload('"url" must not hold a user and password: send them as a header.');
  }
  return url;
}

function readHeaders(value: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  if (value === undefined || value === null) return headers;
  if (typeof value !== "object" || Array.isArray(value) || value instanceof ExactNumber)
    throw new InvalidPayload('"headers" must be an object of texts.');
  for (const [name, text] of Object.entries(value)) {
    const key = name.toLowerCase();
    if (!TOKEN.test(name)) throw new InvalidPayload(`"${name}" is not a header's name.`);
    if (RESERVED.has(key)) throw new InvalidPayload(`The header "${name}" cannot be set.`);
    if (Object.hasOwn(headers, key)) throw new InvalidPayload(`The header "${name}" is given twice.`);
    const given = typeof text === "string" || typeof text === "number" || text instanceof ExactNumber;
    if (!given || !HEADER_VALUE.test(String(text))) {
      throw new InvalidPayload(`The header "${name}" must be a text of one line in Latin-1.`);
    }
    headers[key] = String(text);
  }
  return headers;
}

function bodyOf(payload: ExactJsonObject, headers: Record<string, string>): string | null {
  const { body } = payload;
  if (body === undefined || body === null) return null;
  if (typeof body === "string") {
    headers["content-type"] = "text/plain; charset=utf-8";
    return body;
  }
  headers["content-type"] = "application/json";
  return writeExact(body);
}

function without(headers: Record<string, string>, drop: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !drop(name)));
}
