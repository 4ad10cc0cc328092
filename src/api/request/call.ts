import type { IncomingMessage, ServerResponse } from "node:http";
import { parse } from "node:querystring";
import type { z } from "zod";
import type { Config } from "../../config/config";
import type { Log } from "../../log";
import { checked } from "../../tasks/requests/request";
import type { Caller } from "../../tasks/service";
import type { TaskService } from "../../tasks/tasks";
import type { Auth, Identity } from "../access/auth";
import type { ClientAddress } from "../access/client-address";
import type { Audit } from "../audit";
import type { ChangeFeed } from "../feed";
import type { ApiMetrics } from "../metrics";
import type { ApiDocs } from "../openapi/docs";
import type { JsonBody } from "./body";
import { parseBody, readBody } from "./body";
import type { RawQuery } from "./query";
import type { Reply } from "./reply";
import type { Streams } from "./streams";

/** What all requests share. */
export interface Api {
  config: Config;
  service: TaskService;
  log: Log;
  audit: Audit;
  auth: Auth;
  feed: ChangeFeed;
  metrics: ApiMetrics;
  clientAddress: ClientAddress;
  docs: ApiDocs;
  basePath: string;
  /** True from the moment that no new work is wanted. */
  draining: boolean;
  /** Requests that wait or stream; aborted when the server drains. */
  readonly waiting: Set<AbortController>;
  readonly streams: Streams;
  /** How often a stream sends a heartbeat, and its key is checked again. */
  heartbeatMs: number;
}

/** Answers a request; null: it has answered itself (a stream). Throws TaskerError. */
export type Handler = (call: Call) => Promise<Reply | null>;

/** One request on its way through a handler: its parts, read when asked for. */
export class Call {
  identity!: Identity;
  /** Without the base path and the query. */
  readonly path: string;
  private readonly queryText: string;
  private parsedQuery: RawQuery | null = null;
  private address: string | null | undefined;

  constructor(
    readonly api: Api,
    readonly req: IncomingMessage,
    readonly res: ServerResponse,
    readonly params: Readonly<Record<string, string>>,
    readonly requestId: string,
  ) {
    const url = req.url ?? "/";
    const mark = url.indexOf("?");
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.queryText = mark < 0 ? "" : url.slice(mark + 1);
  }

  /** The task type of the route; `id` is the task's. */
  get taskType(): string {
    return this.params.taskType!;
  }

  get id(): string {
    return this.params.id!;
  }

  /** Flat: `a[b]=1` is a parameter named `a[b]`. Without `key`, which only auth reads. */
  get query(): RawQuery {
    if (this.parsedQuery === null) {
      this.parsedQuery = this.queryText === "" ? {} : { ...parse(this.queryText) };
      if (this.keyInUrlAllowed) delete this.parsedQuery.key;
    }
    return this.parsedQuery;
  }

  /** The query as the schema has it; throws TaskerError `invalid_request`. */
  queryAs<T>(schema: z.ZodType<T>): T {
    return checked(schema, this.query, "The query");
  }

  get hasQuery(): boolean {
    return this.queryText !== "";
  }

  get keyInUrlAllowed(): boolean {
    const type = this.params.taskType;
    const types = this.api.config.taskTypes;
    const legacy = type !== undefined && Object.hasOwn(types, type) && types[type]!.legacyGet;
    return this.api.config.api.keyInUrl || legacy;
  }

  /** The key that stands in the URL, where one is allowed there. */
  get urlKey(): string | null {
    if (this.queryText === "" || !this.keyInUrlAllowed) return null;
    const key = parse(this.queryText).key;
    return typeof key === "string" ? key : null;
  }

  async json(more: { mayBeEmpty?: boolean } = {}): Promise<JsonBody> {
    const bytes = await readBody(this.req, this.api.config.api.maxBodyBytes);
    return parseBody(bytes, this.req.headers["content-type"], more.mayBeEmpty ?? false);
  }

  /** The body, which may be left out, by the schema; throws TaskerError `invalid_request`. */
  async bodyAs<T>(schema: z.ZodType<T>): Promise<T> {
    return checked(schema, (await this.json({ mayBeEmpty: true })).value, "The request");
  }

  /** The client's address; null: the connection is gone already. */
  get remote(): string | null {
    if (this.address === undefined) this.address = this.api.clientAddress.of(this.req);
    return this.address;
  }

  /** For limits: the key's name; without keys, or before it is known, the address. */
  get who(): string {
    return this.identity?.name ?? this.remote ?? "unknown";
  }

  caller(): Caller {
    return {
      name: this.identity.name,
      types: this.identity.types,
      remote: this.remote,
      traceparent: traceparentOf(this.req),
    };
  }

  /**
   * Runs what takes long. Its signal aborts when the client goes away, when the server drains, and
   * at the next heartbeat after its key or session has ended.
   */
  async whileOpen<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    const { auth, heartbeatMs } = this.api;
    const beat = setInterval(
      () => void auth.stillKnows(this.identity).then((known) => known || abort()),
      heartbeatMs,
    ).unref();
    if (this.api.draining) abort();
    this.api.waiting.add(controller);
    this.res.once("close", abort);
    try {
      return await work(controller.signal);
    } finally {
      clearInterval(beat);
      this.api.waiting.delete(controller);
      this.res.off("close", abort);
    }
  }

  /** As `whileOpen`, for an event stream. Throws TaskerError `overloaded` if too many are open. */
  async streaming(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const closed = this.api.streams.open(this.who);
    try {
      await this.whileOpen(work);
    } finally {
      closed();
    }
  }

  /** Notes a change in the audit trail, which is written later. */
  audit(action: string, task: { id: string; type: string } | null, detail: Record<string, string | number> = {}): void {
    this.api.audit.add({
      actor: this.identity.name,
      action,
      taskId: task?.id ?? null,
      type: task?.type ?? this.params.taskType ?? null,
      detail,
      remote: this.remote,
    });
  }
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The W3C trace context of the request; null: none, or not a valid one. */
export function traceparentOf(req: IncomingMessage): string | null {
  const header = req.headers.traceparent;
  return typeof header === "string" && TRACEPARENT.test(header) ? header : null;
}
