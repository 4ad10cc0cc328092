import { TaskerError } from "../../errors";
import { VERSION } from "../../version";
import { ANYONE, type Identity } from "../access/auth";
import { checkHost, checkOrigin } from "../access/guard";
import { csrfToken, ENDED_COOKIE, sessionCookie, sessionKey } from "../access/session";
import type { Call } from "../request/call";
import { noQuery } from "../request/query";
import { noStore, type Reply } from "../request/reply";

/** `GET /session` → who asks and what they may do; 401 when a key is needed. */
export async function readSession(call: Call): Promise<Reply> {
  const identity = await call.api.auth.identify(call.req, null);
  if (identity === ANYONE) checkHost(call.req);
  return sessionReply(call, identity, sessionKey(call.req), []);
}

/** `POST /session` `{"key": "…"}` → a cookie, and the token that requests with it must show. */
export async function beginSession(call: Call): Promise<Reply> {
  checkOrigin(call.req);
  const { value } = await call.json();
  const { key, ...rest } = value;
  if (typeof key !== "string" || key === "" || Object.keys(rest).length > 0) {
    throw new TaskerError("invalid_request", "A session begins with an API key and nothing else", {
      errors: [{ pointer: "#/key", detail: "must be the API key, and the only field" }],
    });
  }
  const { identity, sessionKey: made } = await call.api.auth.beginSession(key, call.req);
  call.identity = identity;
  call.audit("session.begin", null);
  return sessionReply(call, identity, made, ["Set-Cookie", sessionCookie(call.req, made)]);
}

/** `DELETE /session` → the cookie is worth nothing any more. */
export async function endSession(call: Call): Promise<Reply> {
  checkOrigin(call.req);
  await call.bodyAs(noQuery);
  const identity = await call.api.auth.endSession(call.req);
  if (identity) {
    call.identity = identity;
    call.audit("session.end", null);
  }
  return noStore(200, {}, ["Set-Cookie", ENDED_COOKIE]);
}

function sessionReply(call: Call, identity: Identity, key: string | null, headers: string[]): Reply {
  const byCookie = key !== null && identity !== ANYONE && call.req.headers.authorization === undefined;
  const { name, scopes, types } = identity;
  const view = {
    ...{ name, scopes, types },
    csrf_token: byCookie ? csrfToken(key) : null,
    run_mode: call.api.config.runMode,
    version: VERSION,
  };
  return noStore(200, view, headers);
}
