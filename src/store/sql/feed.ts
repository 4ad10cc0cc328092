import type { ResponseKey } from "../../model/response";
import type { Connection } from "./connection";
import { compare, Sql } from "./sql";
import { dbToMs, msToDb, nowOf } from "./times";

/** A position in the feed: time, task, endpoint and job of the last row read. */
export type Position = readonly [time: string, taskId: string, endpoint: string, job: string];

const POSITION = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\|[0-9a-f-]*\|[a-z0-9._*-]*\|[a-z0-9._-]*$/;

/** Null for other text: the reader then starts at the feed's end. */
export function toPosition(text: string): Position | null {
  return POSITION.test(text) ? (text.split("|") as unknown as Position) : null;
}

export function positionText(position: Position): string {
  return position.join("|");
}

/** @param time as the database writes it */
export function positionOf(time: string, { taskId, endpoint, job }: ResponseKey): Position {
  return [time, taskId, endpoint, job];
}

export function inOrder(a: Position, b: Position): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]) || compare(a[2], b[2]) || compare(a[3], b[3]);
}

/** Before all changes of that time. */
export function positionAt(time: string): Position {
  return [time, "", "", ""];
}

/**
 * The feed ends `feedLagMs` before the clock, so that a change is committed before the feed passes
 * its time. It skips a commit that takes longer. Its readers need a second way to find such a
 * change.
 */
export async function feedEnd(connection: Connection): Promise<string> {
  return msToDb(dbToMs(await nowOf(connection)) - connection.dialect.feedLagMs);
}

/** The time of a row in the feed: its last change while it was open, or its end. */
export type Clock = "changed_at" | "finished_at";

/** Matches rows of task_responses behind the position and before `end`. */
export function between(clock: Clock, [time, taskId, endpoint, job]: Position, end: string, alias = ""): Sql {
  const p = alias && `${alias}.`;
  const at = `${p}${clock}`;
  return new Sql(`${at} >= ? AND ${at} < ?`, [time, end]).add(
    ` AND (${at} > ? OR ${p}task_id > ? OR (${p}task_id = ? AND (${p}endpoint > ? OR (${p}endpoint = ? AND ${p}job > ?))))`,
    ...[time, taskId, taskId, endpoint, endpoint, job],
  );
}

/** The order of the index of each. A final response has no `due_at`. */
const ORDER = { changed_at: ["changed_at"], finished_at: ["finished_at", "due_at"] };

export function feedOrder(clock: Clock, alias = ""): string {
  const p = alias && `${alias}.`;
  return ` ORDER BY ${[...ORDER[clock], "task_id", "endpoint", "job"].map((column) => p + column).join(", ")}`;
}
