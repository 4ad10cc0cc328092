import { SCOPES, type Scope } from "../../model/scopes";

/**
 * Permissions: every route of the HTTP API with the scope that it requires. A route that is not
 * listed here does not compile in routes/index.ts, and neither does a line without a route.
 */

/** `public`: no key is asked for. `session`: the route itself finds out who asks. */
export type Permission = Scope | "public" | "session";

export const PERMISSIONS = {
  "GET /livez": "public",
  "GET /readyz": "public",
  "GET /metrics": "read",
  "GET /openapi.json": "public",
  "GET /docs": "public",
  "GET /docs/problems": "public",
  "GET /session": "session",
  "POST /session": "session",
  "DELETE /session": "session",
  "GET /system": "admin",
  "GET /tasks": "read",
  "GET /types": "read",
  "GET /types/:taskType": "read",
  "GET /endpoints": "read",
  "GET /endpoints/:name": "read",
  "DELETE /endpoints/:name": "admin",
  "POST /endpoints/:name/rename": "admin",
  "GET /events": "read",
  "POST /:taskType": "submit",
  "GET /:taskType": "read",
  "POST /:taskType/batch": "submit",
  "POST /:taskType/start": "submit",
  "GET /:taskType/start": "submit",
  "POST /:taskType/stop": "operate",
  "GET /:taskType/stop": "operate",
  "GET /:taskType/status": "read",
  "GET /:taskType/:id": "read",
  "GET /:taskType/:id/events": "read",
  "GET /:taskType/:id/responses": "read",
  "GET /:taskType/:id/responses/:endpoint": "read",
  "GET /:taskType/:id/responses/:endpoint/log": "read",
  "POST /:taskType/:id/cancel": "operate",
  "POST /:taskType/:id/retry": "operate",
} as const satisfies Record<string, Permission>;

export type RouteId = keyof typeof PERMISSIONS;

const INCLUDES: Record<Scope, readonly Scope[]> = {
  read: ["read"],
  submit: ["submit"],
  operate: ["operate", "read"],
  admin: SCOPES,
};

/** Whether these scopes include `needed`. Unknown names allow nothing. */
export function allows(scopes: readonly string[], needed: Scope): boolean {
  return scopes.some((scope) => Object.hasOwn(INCLUDES, scope) && INCLUDES[scope as Scope].includes(needed));
}
