import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { TaskerError } from "../../errors";
import { isId } from "../../model/ids";
import type { Scope } from "../../model/scopes";
import { ANYONE, type Identity } from "../access/auth";
import { checkHost, checkOrigin } from "../access/guard";
import type { RateLimit } from "../access/limit";
import { allows, PERMISSIONS, type RouteId } from "../access/permissions";
import { ClientGone } from "./body";
import { type Api, Call, traceparentOf } from "./call";
import { asTaskerError, problemHeaders, problemOf } from "./problem";
import { PROBLEM_TYPE, type Reply, send } from "./reply";
import type { Match } from "./router";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * The path of every request of the table:
 *
 *   request id → origin → identity → rate limit → host name → scope → task type → handler → answer
 *   or problem
 */
export class RequestPipeline {
  private readonly idPrefix = randomBytes(6).toString("hex");
  private requests = 0;

  constructor(
    private readonly api: Api,
    private readonly rate: RateLimit | null,
  ) {}

  async serve({ route, path, handler, params }: Match, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const began = performance.now();
    const { call, headers } = this.begin(req, res, params);
    let reply: Reply | null;
    try {
      await this.admit(route, call, headers);
      reply = await handler(call);
    } catch (error) {
      reply = this.refusal(error, call);
    }
    if (reply === null) return;
    send(req, res, reply, headers, this.api.draining);
    this.api.metrics.answered(req.method ?? "", path, reply.status, (performance.now() - began) / 1000);
  }

  /** For what no route takes. */
  async serveError(error: unknown, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { call, headers } = this.begin(req, res, {});
    const counted = await this.rate?.count(call.who, headers).catch((tooMany: unknown) => tooMany);
    const reply = this.refusal(counted ?? error, call);
    if (reply) send(req, res, reply, headers, this.api.draining);
  }

  private begin(req: IncomingMessage, res: ServerResponse, params: Record<string, string>) {
    const given = req.headers["x-request-id"];
    const ofClient = typeof given === "string" && REQUEST_ID.test(given);
    const id = ofClient ? given : `${this.idPrefix}-${(++this.requests).toString(36)}`;
    return { call: new Call(this.api, req, res, params, id), headers: ["X-Request-Id", id] };
  }

  private async admit(route: RouteId, call: Call, headers: string[]): Promise<void> {
    const permission = PERMISSIONS[route];
    if (permission === "public") return;
    // The handler itself finds out who asks.
    if (permission === "session") return this.rate?.count(call.who, headers);
    call.identity = await this.identified(permission, call, headers);
    await this.rate?.count(call.who, headers);
    if (call.identity === ANYONE) checkHost(call.req);
    this.checkScope(permission, call);
    const { taskType: type, id } = call.params;
    if (type !== undefined) await this.checkType(route, type, call);
    // A program that sends HEAD first may do so without starting or stopping anything.
    if (changes(permission) && call.req.method === "HEAD") throw notFound(call.req);
    if (id !== undefined && !isId(id)) throw noTask(id, type!);
  }

  /** A refusal here counts for the address: there is no name yet. */
  private async identified(permission: Scope, call: Call, headers: string[]): Promise<Identity> {
    try {
      if (changes(permission)) checkOrigin(call.req);
      return await this.api.auth.identify(call.req, call.urlKey, changes(permission));
    } catch (error) {
      const refused = error instanceof TaskerError && (error.status === 401 || error.status === 403);
      if (refused) await this.rate?.count(call.who, headers);
      throw error;
    }
  }

  private checkScope(permission: Scope, call: Call): void {
    if (allows(call.identity.scopes, permission)) return;
    throw new TaskerError("forbidden", `The API key lacks the scope ${permission}`);
  }

  /**
   * Names of types are no secret, tasks are: another client's task is answered as if it did not
   * exist. Tasks outlive their type in the config: they are found as long as they are stored.
   */
  private async checkType(route: RouteId, type: string, call: Call): Promise<void> {
    const { types } = call.identity;
    const configured = Object.hasOwn(this.api.config.taskTypes, type);
    if (!configured && !(OF_STORED_TASKS.has(route) && (await this.api.service.knowsType(type)))) {
      const shown = JSON.stringify(type.slice(0, 80));
      throw new TaskerError("unknown_task_type", `There is no task type ${shown}; GET /types lists them`);
    }
    if (types === null || types.includes(type)) return;
    if (call.params.id !== undefined) throw noTask(call.params.id, type);
    throw new TaskerError("forbidden", `The API key may not touch tasks of type ${type}`);
  }

  private refusal(error: unknown, call: Call): Reply | null {
    if (error instanceof ClientGone) return null;
    const known = asTaskerError(error);
    if (known.status >= 500) {
      this.api.log.error(
        { err: known.cause ?? known, request_id: call.requestId, method: call.req.method, path: call.path },
        known.code === "internal" ? "A request failed" : known.message,
      );
    }
    const problem = problemOf(known, {
      instance: call.path,
      requestId: call.requestId,
      traceId: traceparentOf(call.req)?.split("-")[1] ?? null,
      basePath: this.api.basePath,
    });
    return {
      status: known.status,
      body: JSON.stringify(problem),
      contentType: PROBLEM_TYPE,
      headers: ["Cache-Control", "no-store", ...problemHeaders(known, this.api.basePath)],
    };
  }
}

const OF_STORED_TASKS: ReadonlySet<RouteId> = new Set<RouteId>([
  "GET /:taskType",
  "GET /:taskType/:id",
  "GET /:taskType/:id/events",
  "GET /:taskType/:id/responses",
  "GET /:taskType/:id/responses/:endpoint",
  "GET /:taskType/:id/responses/:endpoint/log",
  "POST /:taskType/:id/cancel",
  "POST /:taskType/:id/retry",
]);

/** Whether requests with this scope may change something, whatever the method. */
function changes(scope: Scope): boolean {
  return scope !== "read";
}

function noTask(id: string, type: string): TaskerError {
  return new TaskerError("task_not_found", `There is no task ${JSON.stringify(id.slice(0, 80))} of type ${type}`);
}

export function notFound(req: IncomingMessage): TaskerError {
  return new TaskerError(
    "route_not_found",
    `Nothing answers ${req.method} at this address; docs/reference/http.md lists what there is`,
  );
}
