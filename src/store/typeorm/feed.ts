import type { Connection } from "./connection";
import { Sql } from "./sql";
import { dbToMs, msToDb } from "./times";

/** A place in the feed of changes: (changed_at, task, endpoint, job) of the row before it. */
export type Place = readonly [time: string, taskId: string, endpoint: string, job: string];

const PLACE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\|[0-9a-f-]*\|[a-z0-9._*-]*\|[a-z0-9._-]*$/;

/** Null for what is not a place: the reader then starts at the feed's end. */
export function toPlace(text: string): Place | null {
  return PLACE.test(text) ? (text.split("|") as unknown as Place) : null;
}

export function placeText(place: Place): string {
  return place.join("|");
}

export function placeOf(row: { changed_at: string; task_id: string; endpoint: string; job: string }): Place {
  return [row.changed_at, row.task_id, row.endpoint, row.job];
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

/** The condition for rows of task_responses (under the alias, if one is given) behind the place and before the end. */
export function between([time, taskId, endpoint, job]: Place, end: string, alias = ""): Sql {
  const p = alias && `${alias}.`;
  return new Sql(`${p}changed_at >= ? AND ${p}changed_at < ?`, [time, end]).add(
    ` AND (${p}changed_at > ? OR ${p}task_id > ? OR (${p}task_id = ? AND (${p}endpoint > ? OR (${p}endpoint = ? AND ${p}job > ?))))`,
    ...[time, taskId, taskId, endpoint, endpoint, job],
  );
}

export function feedOrder(alias = ""): string {
  const p = alias && `${alias}.`;
  return ` ORDER BY ${p}changed_at, ${p}task_id, ${p}endpoint, ${p}job`;
}
