import type { ValidateFunction } from "ajv/dist/2020";
import { Batcher } from "../batcher";
import type { Config, TaskTypeConfig } from "../config/config";
import { StoreUnavailable, TaskerError } from "../errors";
import { parseDuration } from "../model/duration";
import { newId } from "../model/ids";
import { payloadAjv } from "../model/json/payload-schema";
import { memberText } from "../model/json/raw-json";
import { ANY_ENDPOINT } from "../model/names";
import type { NewTask, TaskDraft } from "../model/task";
import { normalTime } from "../model/time";
import { CREATE_LANES, type CreateOutcome, type TaskStore } from "../store/store";
import { PRODUCER, traced } from "../tracing";
import { hashOf } from "./requests/fingerprint";
import { checked, type SubmitBody, submitBody } from "./requests/request";
import type { Caller } from "./service";

/** The outcome of a draft. One without endpoints is refused. */
export type Created = Exclude<CreateOutcome, { kind: "unaddressed" }>;

/** Refuses creates while the outbox is full. */
export interface Gate {
  /** Throws TaskerError `overloaded`. */
  check(): void;
}

/**
 * request → checked draft → batch → outcome.
 *
 * Drafts that arrive together share a transaction. A bad one fails alone.
 */
export class Creator {
  private readonly schemas = new Map<string, ValidateFunction>();
  private readonly batcher: Batcher<TaskDraft, Created>;

  constructor(
    config: Config,
    private readonly store: TaskStore,
    private readonly gate: Gate,
    private readonly onCreated: (tasks: NewTask[]) => void,
    private readonly storeStatus: (taskIds: string[]) => Promise<void>,
  ) {
    const ajv = payloadAjv({ allErrors: false, strict: false });
    for (const type of Object.values(config.taskTypes)) {
      if (type.payloadSchema) this.schemas.set(type.name, ajv.compile(type.payloadSchema));
    }
    this.batcher = new Batcher((drafts) => this.storeBatch(drafts), {
      size: 100,
      lanes: CREATE_LANES,
      failsAll: (error) => error instanceof StoreUnavailable,
    });
  }

  /** Checks a request without the database; throws TaskerError `invalid_request`. */
  draft(
    type: TaskTypeConfig,
    body: unknown,
    caller: Caller,
    more: { id?: string; at?: string; raw?: string } = {},
  ): TaskDraft {
    const request = checked(submitBody, body, "The request", more.at);
    if (type.deliver === "one" && request.endpoints) {
      throw new TaskerError("invalid_request", `A task of type ${type.name} is performed by any one endpoint`, {
        errors: [{ pointer: `${more.at ?? "#"}/endpoints`, detail: "is not allowed for a type with deliver: one" }],
      });
    }
    this.checkPayload(type, request.payload ?? {}, more.at ?? "#");
    return this.decide(type, request, caller, more);
  }

  /** Resolves once committed. Rejects with `overloaded` or `database_unavailable`. */
  create(given: TaskDraft): Promise<Created> {
    const { type, traceparent } = given;
    const attributes = { "messaging.system": "tasker", "tasker.type": type, "tasker.task_id": given.id };
    return traced(`create ${type}`, { kind: PRODUCER, traceparent, attributes }, (span) =>
      this.stored(span.traceparent === traceparent ? given : { ...given, traceparent: span.traceparent }),
    );
  }

  private async stored(draft: TaskDraft): Promise<Created> {
    this.gate.check();
    const outcome = await this.batcher.add(draft);
    if (outcome.kind !== "busy") return outcome;
    // The other run may have ended; storing its status releases the key.
    await this.storeStatus([outcome.taskId]);
    return this.batcher.add(draft);
  }

  private checkPayload(type: TaskTypeConfig, payload: unknown, at: string): void {
    const validate = this.schemas.get(type.name);
    if (!validate || validate(payload)) return;
    const errors = (validate.errors ?? []).map((error) => ({
      pointer: `${at}/payload${error.instancePath}`,
      detail: error.message ?? "does not match the type's payload_schema",
    }));
    throw new TaskerError("invalid_request", `The payload does not match the payload_schema of type ${type.name}`, {
      errors,
    });
  }

  private decide(
    type: TaskTypeConfig,
    request: SubmitBody,
    caller: Caller,
    { id, raw }: { id?: string; raw?: string },
  ): TaskDraft {
    const sent = raw === undefined ? null : memberText(raw, "payload");
    return {
      id: id ?? newId(),
      type: type.name,
      identifier: request.identifier,
      bodyHash: hashOf(request, sent),
      payload: sent ?? JSON.stringify(request.payload ?? {}),
      deliver: type.deliver,
      endpoints: type.deliver === "one" ? [ANY_ENDPOINT] : (request.endpoints ?? null),
      jobs: type.jobs.length > 0 ? type.jobs : [""],
      attempts: request.attempts ?? type.attempts,
      timeoutMs: durationOr(request.timeout, type.timeoutMs),
      waitMs: durationOr(request.wait_for_endpoints_timeout, type.waitMs),
      expiresMs: type.expiresMs,
      priority: request.priority ?? type.priority,
      delayUntil: request.delay_until ? normalTime(request.delay_until) : null,
      runKey: type.singleRun ? type.name : null,
      traceparent: caller.traceparent,
      createdBy: caller.name,
    };
  }

  private async storeBatch(drafts: TaskDraft[]): Promise<Created[]> {
    const stored = await this.store.create(drafts);
    const created: NewTask[] = [];
    const outcomes = stored.map((outcome, i): Created => {
      const draft = drafts[i]!;
      if (outcome.kind === "unaddressed") return { kind: "refused", error: reachesNobody(draft.type) };
      if (outcome.kind === "created") created.push(addressed(draft, outcome.endpoints));
      return outcome;
    });
    if (created.length > 0) this.onCreated(created);
    return outcomes;
  }
}

/** Most drafts name their endpoints: return the same object and avoid a copy. */
function addressed(draft: TaskDraft, endpoints: readonly string[]): NewTask {
  return draft.endpoints === null ? { ...draft, endpoints: [...endpoints] } : (draft as NewTask);
}

function reachesNobody(type: string): TaskerError {
  return new TaskerError(
    "invalid_request",
    `No endpoint is registered for type ${type}: name endpoints in the request, list them in the config, or start a manager`,
    { errors: [{ pointer: "#/endpoints", detail: "is required while no endpoint is registered for the type" }] },
  );
}

/** An error if the identifier belongs to another request; null: the task is new or a repetition. */
export function conflictOf(draft: TaskDraft, outcome: Created): TaskerError | null {
  if (outcome.kind !== "existing" || outcome.task.bodyHash === draft.bodyHash) return null;
  return new TaskerError(
    "identifier_conflict",
    `The identifier belongs to task ${outcome.task.id}, which was requested with another body: choose a new identifier`,
    { location: `/${draft.type}/${outcome.task.id}` },
  );
}

function durationOr(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : parseDuration(text)!;
}
