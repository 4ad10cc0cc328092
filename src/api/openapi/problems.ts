import type { ProblemCode } from "../../errors";

/** When each problem is answered and what to do about it: for `/docs/problems`, the OpenAPI document and docs/reference. */
export const EXPLAINED: Readonly<Record<ProblemCode, { when: string; remedy: string }>> = {
  malformed_json: {
    when: "the body is empty, not UTF-8, has a byte order mark, or is not JSON; the detail names line and column",
    remedy: "correct the body",
  },
  unauthenticated: { when: "no API key, or one that is unknown, expired or removed", remedy: "send a valid key" },
  forbidden: {
    when: "the key lacks the scope, may not touch the type, or a page of another site (or under another host name) asks",
    remedy: "use another key",
  },
  unknown_task_type: { when: "no task type of this name is configured", remedy: "`GET /types`" },
  task_not_found: {
    when: "no such task of this type that the key may see, or a `single_run` type that has never run",
    remedy: "check type and id",
  },
  endpoint_not_found: {
    when: "nobody of this name has registered, or the task does not expect it",
    remedy: "`GET /endpoints`",
  },
  route_not_found: { when: "no such address, or not with this method", remedy: "look into the list of routes" },
  identifier_conflict: {
    when: "the identifier was used for this type with another body; `Location` leads to that task",
    remedy: "a new identifier",
  },
  already_running: {
    when: "a `single_run` type runs; `Location` leads to the run",
    remedy: "wait or stop it",
  },
  illegal_state: {
    when: "the state of the task or the endpoint does not allow it",
    remedy: "read it; the detail says what stands in the way",
  },
  body_too_large: {
    when: "the body is larger than `api.max_body`; the connection is closed",
    remedy: "send less, or raise the limit",
  },
  unsupported_media_type: {
    when: "the body is not `application/json` in UTF-8, or is compressed",
    remedy: "correct the headers",
  },
  invalid_request: {
    when: "the body or query has unknown fields, wrong values, or nests too deep; `errors` has each",
    remedy: "correct them",
  },
  rate_limited: {
    when: "too many requests by this key or address, or too many wrong keys",
    remedy: "wait `Retry-After` seconds",
  },
  internal: { when: "a fault of the server", remedy: "look into its log for `request_id`" },
  overloaded: {
    when: "more is stored than the broker takes, or too many streams are open",
    remedy: "wait `Retry-After` seconds",
  },
  database_unavailable: {
    when: "the database does not answer in time",
    remedy: "wait `Retry-After` seconds and repeat the request with the same identifier",
  },
};
