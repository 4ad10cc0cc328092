import type { ResponseKey } from "../../model/response";
import type { Connection } from "./connection";
import { compare, Sql } from "./sql";
import { dbToMs, msToDb } from "./times";

/** A place in the feed: (time, task, endpoint, job) of the row before it. */
export type Place = readonly [time: string, taskId: string, endpoint: string, job: string];

const PLACE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\|[0-9a-f-]*\|[a-z0-9._*-]*\|[a-z0-9._-]*$/;

/** Null for what is not a place: the reader then starts at the feed's end. */
export function toPlace(text: string): Place | null {
  return PLACE.test(text) ? (text.split("|") as unknown as Place) : null;
}

export function placeText(place: Place): string {
  return place.join("|");
}

/** @param time as the database writes it */
export function placeOf(time: string, { taskId, endpoint, job }: ResponseKey): Place {
  return [time, taskId, endpoint, job];
}

export function inOrder(a: Place, b: Place): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]) || compare(a[2], b[2]) || compare(a[3], b[3]);
}

/** Before everything that changed at that moment. */
export function placeAt(time: string): Place {
  return [time, "", "", ""];
}

/**
 * The feed ends a moment before the clock: what has been written and is not committed yet would otherwise be passed over.
 * What takes longer than that to commit is passed over all the same; nothing that must not be lost may rest on the feed alone.
 */
export async function feedEnd(connection: Connection): Promise<string> {
  const [row] = await connection.query<{ now_at: string }>(`SELECT ${connection.dialect.now} AS now_at`);
  return msToDb(dbToMs(row!.now_at) - connection.dialect.feedLagMs);
}

/** Where in time a row stands: its last change while it was open, or its end. */
export type Clock = "changed_at" | "finished_at";

/** The condition for rows of task_responses (under the alias, if one is given) that stand behind the place and before the end. */
export function between(clock: Clock, [time, taskId, endpoint, job]: Place, end: string, alias = ""): Sql {
  const p = alias && `${alias}.`;
  const at = `${p}${clock}`;
  return new Sql(`${at} >= ? AND ${at} < ?`, [time, end]).add(
    ` AND (${at} > ? OR ${p}task_id > ? OR (${p}task_id = ? AND (${p}endpoint > ? OR (${p}endpoint = ? AND ${p}job > ?))))`,
    ...[time, taskId, taskId, endpoint, endpoint, job],
  );
}

/** Each in the order of its index. What has ended has nothing due. */
const ORDER = { changed_at: ["changed_at"], finished_at: ["finished_at", "due_at"] };

export function feedOrder(clock: Clock, alias = ""): string {
  const p = alias && `${alias}.`;
  return ` ORDER BY ${[...ORDER[clock], "task_id", "endpoint", "job"].map((column) => p + column).join(", ")}`;
}
