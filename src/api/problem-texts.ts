import type { ProblemCode } from "../errors";

/**
 * Each problem for people: its title, when it is answered and what to do about it. For the answers,
 * for `/docs/problems`, the OpenAPI document and docs/reference.
 */
export const PROBLEM_TEXTS: Readonly<Record<ProblemCode, { title: string; when: string; remedy: string }>> = {
  malformed_json: {
    title: "The request body is not JSON",
    when: "the body is empty, not UTF-8, has a byte order mark, or is not JSON; the detail names line and column",
    remedy: "correct the body",
  },
  unauthenticated: {
    title: "An API key is needed",
    when: "no API key, or one that is unknown, expired or removed",
    remedy: "send a valid key",
  },
  forbidden: {
    title: "Not allowed",
    when: "the key lacks the scope, may not touch the type, or a page of another site (or under another host name) asks",
    remedy: "use another key",
  },
  unknown_task_type: {
    title: "There is no such task type",
    when: "no task type of this name is configured",
    remedy: "`GET /types`",
  },
  task_not_found: {
    title: "There is no such task",
    when: "no such task of this type that the key may see, or a `single_run` type that has never run",
    remedy: "check type and id",
  },
  endpoint_not_found: {
    title: "There is no such endpoint",
    when: "nobody of this name has registered, or the task does not expect it",
    remedy: "`GET /endpoints`",
  },
  route_not_found: {
    title: "There is nothing at this address",
    when: "no such address, or not with this method",
    remedy: "look into the list of routes",
  },
  identifier_conflict: {
    title: "The identifier was used for another request",
    when: "the identifier was used for this type with another body; `Location` leads to that task",
    remedy: "a new identifier",
  },
  already_running: {
    title: "The task type is running already",
    when: "a `single_run` type runs; `Location` leads to the run",
    remedy: "wait or stop it",
  },
  illegal_state: {
    title: "The task's state does not allow it",
    when: "the state of the task or the endpoint does not allow it",
    remedy: "read it; the detail says what stands in the way",
  },
  body_too_large: {
    title: "The request body is too large",
    when: "the body is larger than `api.max_body`; the connection is closed",
    remedy: "send less, or raise the limit",
  },
  unsupported_media_type: {
    title: "The request body has the wrong media type",
    when: "the body is not `application/json` in UTF-8, or is compressed",
    remedy: "correct the headers",
  },
  invalid_request: {
    title: "The request is not valid",
    when: "the body or query has unknown fields, wrong values, or nests too deep; `errors` has each",
    remedy: "correct them",
  },
  rate_limited: {
    title: "Too many requests",
    when: "too many requests by this key or address, or too many wrong keys",
    remedy: "wait `Retry-After` seconds",
  },
  internal: {
    title: "Something went wrong on the server",
    when: "a fault of the server",
    remedy: "look into its log for `request_id`",
  },
  overloaded: {
    title: "The server has too much to do",
    when: "more is stored than the broker takes, or too many streams are open",
    remedy: "wait `Retry-After` seconds",
  },
  database_unavailable: {
    title: "The database cannot be reached",
    when: "the database does not answer in time",
    remedy: "wait `Retry-After` seconds and repeat the request with the same identifier",
  },
};
