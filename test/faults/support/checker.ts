import { createHash } from "node:crypto";
import { until } from "../../support/until";
import type { Client } from "./client";
import type { Stage } from "./stage";

interface Row {
  task_id: string;
  endpoint: string;
  status: string;
  attempt: number;
  result: string | null;
  reason: string | null;
  finished_at: string | null;
}

export interface Verdict {
  accepted: number;
  /** Accepted, with an endpoint that has no final response. */
  lost: number;
  /**
   * (task, endpoint) pairs whose handler came to its end more than once, beyond what `touched` allows. An execution that a
   * fault interrupted (a start without an end) explains the next one by itself.
   */
  executedTwice: number;
  /** Final responses that changed between two looks, or are there twice. */
  terminalTwice: number;
  /** Journal ends without a stored outcome. */
  unrecorded: number;
  /** Milliseconds from the heal to the last final response. */
  recoveryMs: number;
  byStatus: Record<string, number>;
}

const FINAL = ["succeeded", "failed", "cancelled", "missed"];

/**
 * Waits until every accepted task has a final response at every endpoint that is up, then holds client log, journal and
 * database against each other (invariants I1–I6 of the fault plan).
 *
 * @param options.touched completed executions beyond the first that the scenario's faults may explain, per (task, endpoint)
 * @param options.down endpoints that stay down on purpose
 */
export async function check(
  stage: Stage,
  client: Client,
  options: { touched?: number; down?: string[]; withinMs?: number } = {},
): Promise<Verdict> {
  const healed = performance.now();
  const wanted = client.accepted;
  const pairs = wanted.flatMap((entry) =>
    entry.endpoints.filter((name) => !options.down?.includes(name)).map((endpoint) => `${entry.taskId} ${endpoint}`),
  );
  let rows = new Map<string, Row>();
  const missing = () => pairs.filter((pair) => !FINAL.includes(rows.get(pair)?.status ?? ""));
  await until(
    "a final response to everything accepted",
    async () => {
      rows = await look(stage);
      return missing().length === 0;
    },
    options.withinMs ?? 60_000,
  ).catch(() => undefined);
  const recoveryMs = Math.round(performance.now() - healed);

  const before = digests(rows);
  const completed = new Map<string, number>();
  const ends = new Set<string>();
  for (const entry of stage.journal()) {
    const pair = `${entry.taskId} ${entry.endpoint}`;
    if (entry.what === "start") continue;
    completed.set(pair, (completed.get(pair) ?? 0) + 1);
    ends.add(`${pair} ${entry.attempt}`);
  }
  const allowed = 1 + (options.touched ?? 0);
  const attempts = await stage.rows<{ task_id: string; endpoint: string; attempt: number }>(
    "SELECT task_id, endpoint, attempt FROM task_attempts",
  );
  const recorded = new Set(attempts.map((row) => `${row.task_id} ${row.endpoint} ${row.attempt}`));
  for (const [pair, row] of rows) if (FINAL.includes(row.status)) recorded.add(`${pair} ${row.attempt}`);
  rows = await look(stage);
  const after = digests(rows);
  const byStatus: Record<string, number> = {};
  for (const row of rows.values()) byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;

  return {
    accepted: wanted.length,
    lost: missing().length,
    executedTwice: [...completed].filter(([, count]) => count > allowed).length,
    terminalTwice: [...before].filter(([pair, digest]) => after.get(pair) !== digest).length,
    unrecorded: [...ends].filter((end) => !recorded.has(end)).length,
    recoveryMs,
    byStatus,
  };
}

async function look(stage: Stage): Promise<Map<string, Row>> {
  const rows = await stage.rows<Row>(
    "SELECT task_id, endpoint, status, attempt, result, reason, finished_at FROM task_responses",
  );
  return new Map(rows.map((row) => [`${row.task_id} ${row.endpoint}`, row]));
}

/** Of final responses only: whatever is final must stay as it is. */
function digests(rows: Map<string, Row>): Map<string, string> {
  const all = new Map<string, string>();
  for (const [pair, row] of rows) {
    if (FINAL.includes(row.status)) all.set(pair, createHash("sha256").update(JSON.stringify(row)).digest("hex"));
  }
  return all;
}

/** The line that each scenario prints. */
export function report(name: string, faults: number, verdict: Verdict): void {
  const { accepted, lost, executedTwice, terminalTwice, recoveryMs, byStatus } = verdict;
  const statuses = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  process.stdout.write(
    `${name}: faults ${faults}, accepted ${accepted}, lost ${lost}, executed twice ${executedTwice}, terminal twice ${terminalTwice}, recovered in ${(recoveryMs / 1000).toFixed(1)} s (${statuses.join(", ")})\n`,
  );
}
