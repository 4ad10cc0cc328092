import type { Config } from "../../config/config";
import { StoreUnavailable, TaskerError } from "../../errors";
import type { Log } from "../../log";
import { isTimed, newId } from "../../model/ids";
import type { AccessStore, AuditEntry, MaintenanceStore, RequestRow } from "../../store/store";
import { type Creator, conflictOf } from "../create";
import { askerOf, checkAsker } from "./askers";

const PAGE = 100;

/**
 * Turns rows of `task_requests` into tasks. An application inserts them in its own transaction, or
 * a handler by `context.submit`. The task gets the row's id if that is a UUIDv7. A refused row
 * keeps its problem for the program that inserted it. Both are in the audit trail before the row
 * changes.
 */
export class Inbox {
  constructor(
    private readonly config: Config,
    private readonly maintenance: MaintenanceStore,
    private readonly access: AccessStore,
    private readonly creator: Creator,
    private readonly log: Log,
  ) {}

  /** Takes in one page. Rejects only if the database is away. */
  async takeIn(): Promise<void> {
    const rows = await this.maintenance.requests(PAGE);
    if (rows.length === 0) return;
    const taken = await Promise.all(rows.map(async (row) => ({ row, ...(await this.take(row)) })));
    const ended = taken.filter(({ refusal }) => refusal?.code !== "overloaded");
    await this.access.audit(ended.map(({ row, taskId, refusal }) => entryOf(row, taskId, refusal)));
    for (const { row, refusal } of ended) if (refusal) await this.refuse(row, refusal);
    const done = ended.filter(({ refusal }) => refusal === null).map(({ row }) => row.id);
    if (done.length > 0) await this.maintenance.deleteRequests(done);
  }

  private async refuse(row: RequestRow, { code, message, errors = [] }: TaskerError): Promise<void> {
    this.log.warn(
      { request_id: row.id, type: row.type, account: row.account, code },
      "a request in the inbox was refused",
    );
    await this.maintenance.refuseRequest(row.id, JSON.stringify({ code, detail: message, errors }));
  }

  private async take(row: RequestRow): Promise<{ taskId: string | null; refusal: TaskerError | null }> {
    try {
      const type = Object.hasOwn(this.config.taskTypes, row.type) ? this.config.taskTypes[row.type] : undefined;
      if (!type) throw new TaskerError("unknown_task_type", `There is no task type ${row.type}`);
      checkAsker(this.config, row);
      const body = { ...(parse(row.body) as object), identifier: row.identifier };
      // A row taken in twice is recognized by its identifier.
      const id = isTimed(row.id) ? row.id : newId();
      const draft = this.creator.draft(type, body, askerOf(row), { id, raw: row.body });
      const outcome = await this.creator.create(draft);
      if (outcome.kind === "refused") throw outcome.error;
      if (outcome.kind === "busy") throw new TaskerError("already_running", `A task of type ${row.type} is running`);
      return { taskId: outcome.task.id, refusal: conflictOf(draft, outcome) };
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      const refusal =
        error instanceof TaskerError ? error : new TaskerError("invalid_request", (error as Error).message);
      return { taskId: null, refusal };
    }
  }
}

function entryOf(row: RequestRow, taskId: string | null, refusal: TaskerError | null): AuditEntry {
  return {
    actor: askerOf(row).name ?? row.account,
    action: refusal ? "request.refuse" : "task.create",
    taskId,
    type: row.type,
    detail: { request: row.id, account: row.account, ...(refusal ? { code: refusal.code } : {}) },
    remote: null,
  };
}

function parse(body: string): unknown {
  try {
    const value = JSON.parse(body);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch {
    // Falls through: text that is no JSON gets the same error.
  }
  throw new TaskerError("invalid_request", "The column `body` must hold a JSON object: {payload, endpoints, …}");
}
