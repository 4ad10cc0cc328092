import type { Config } from "../config/config";
import { StoreUnavailable, TaskerError } from "../errors";
import type { Log } from "../log";
import { isTimed, newId } from "../model/ids";
import type { RequestRow, UpkeepStore } from "../store/store";
import type { Creator } from "./create";

const PAGE = 100;

/**
 * Requests that reach us through the database instead of HTTP: rows inserted into `task_requests` with somebody's own
 * transaction (visible only once that has committed), or by a handler's `context.submit`. Each becomes a task under the
 * row's id (if that is a UUIDv7), or keeps its problem in the row for whoever inserted it.
 */
export class Inbox {
  constructor(
    private readonly config: Config,
    private readonly upkeep: UpkeepStore,
    private readonly creator: Creator,
    private readonly log: Log,
  ) {}

  /** Takes in one page; rejects only when the database is away. */
  async takeIn(): Promise<void> {
    const rows = await this.upkeep.requests(PAGE);
    if (rows.length === 0) return;
    const done: string[] = [];
    await Promise.all(
      rows.map(async (row) => {
        const refusal = await this.take(row);
        if (refusal === null) done.push(row.id);
        else if (refusal.code !== "overloaded") {
          this.log.warn(
            { request_id: row.id, type: row.type, code: refusal.code },
            "a request in the inbox was refused",
          );
          await this.upkeep.requestRefused(
            row.id,
            JSON.stringify({ code: refusal.code, detail: refusal.message, errors: refusal.errors ?? [] }),
          );
        }
      }),
    );
    if (done.length > 0) await this.upkeep.requestDone(done);
  }

  private async take(row: RequestRow): Promise<TaskerError | null> {
    try {
      const type = Object.hasOwn(this.config.taskTypes, row.type) ? this.config.taskTypes[row.type] : undefined;
      if (!type) throw new TaskerError("unknown_task_type", `There is no task type ${row.type}`);
      const caller = { name: row.createdBy, types: null, remote: null, traceparent: null };
      const body = { ...(parse(row.body) as object), identifier: row.identifier };
      // Taken in twice, it is told by its identifier.
      const id = isTimed(row.id) ? row.id : newId();
      const outcome = await this.creator.create(this.creator.draft(type, body, caller, { id, raw: row.body }));
      if (outcome.kind === "refused") throw outcome.error;
      if (outcome.kind === "busy") throw new TaskerError("already_running", `A task of type ${row.type} is running`);
      return null;
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      if (error instanceof TaskerError) return error;
      return new TaskerError("invalid_request", (error as Error).message);
    }
  }
}

function parse(body: string): unknown {
  try {
    const value = JSON.parse(body);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch {
    // Falls through to the same sentence: both are the inserter's mistake.
  }
  throw new TaskerError("invalid_request", "The column `body` must hold a JSON object: {payload, endpoints, …}");
}
