import { createHash } from "node:crypto";
import { until } from "../../support/until";
import type { Client } from "./client";
import type { Fault, JournalEntry, Scene } from "./scene";

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
  /** (task, endpoint) pairs that were accepted and have no final response. */
  lost: number;
  /** Stored pairs, answered for or not, that are not final. */
  stuck: number;
  /** Pairs that ran again although no fault explains it. */
  executedTwice: number;
  /** Pairs that ran again because a fault touched the execution before. */
  repeated: number;
  /** Final responses that changed between two looks. */
  terminalTwice: number;
  /** Journal ends without a stored outcome. */
  unrecorded: number;
  /** Tasks whose status over HTTP is not what their rows say. */
  misreported: number;
  /** Processes that ended though nobody wanted it, or told of an unhandled rejection. */
  died: number;
  /** Milliseconds from the heal to the last final response. */
  recoveryMs: number;
  byStatus: Record<string, number>;
}

/** What every scenario must end with. */
export const CLEAN: Partial<Verdict> = {
  lost: 0,
  stuck: 0,
  executedTwice: 0,
  terminalTwice: 0,
  unrecorded: 0,
  misreported: 0,
  died: 0,
};

const FINAL = ["succeeded", "failed", "cancelled", "missed"];
/** A fault touches an execution that has ended so shortly before that its end may not have been committed. */
const COMMIT_MS = 2500;
const ASKED_OVER_HTTP = 30;

export interface CheckOptions {
  /** Endpoints that stay down on purpose. */
  down?: string[];
  withinMs?: number;
  /** The API is not there any more. */
  withoutApi?: boolean;
}

/**
 * Waits until every stored task has a final response at every endpoint that is up, then holds client log, journal, database and
 * API against each other (invariants I1–I7 of the fault plan).
 */
export async function check(stage: Scene, client: Client, options: CheckOptions = {}): Promise<Verdict> {
  const healed = performance.now();
  const isUp = (endpoint: string) => !options.down?.includes(endpoint);
  const wanted = client.accepted;
  const pairs = wanted.flatMap((entry) =>
    entry.endpoints.filter(isUp).map((endpoint) => `${entry.taskId} ${endpoint}`),
  );
  let rows = new Map<string, Row>();
  const isFinal = (pair: string) => FINAL.includes(rows.get(pair)?.status ?? "");
  const stuck = () => [...rows].filter(([pair, row]) => isUp(row.endpoint) && !isFinal(pair)).length;
  const missing = () => pairs.filter((pair) => !isFinal(pair));
  await until(
    "a final response to everything accepted",
    async () => {
      rows = await look(stage);
      return missing().length === 0 && stuck() === 0;
    },
    options.withinMs ?? 60_000,
  ).catch(() => undefined);
  const recoveryMs = Math.round(performance.now() - healed);

  const before = digests(rows);
  const attempts = await stage.rows<{ task_id: string; endpoint: string; attempt: number; outcome: string }>(
    "SELECT task_id, endpoint, attempt, outcome FROM task_attempts",
  );
  const misreported = options.withoutApi ? 0 : await misreportedOf(stage, client, rows);
  rows = await look(stage);
  const after = digests(rows);
  const byStatus: Record<string, number> = {};
  for (const row of rows.values()) byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;

  const journal = stage.journal();
  return {
    accepted: wanted.length,
    lost: missing().length,
    stuck: stuck(),
    ...repetitions(journal, stage.faults, new Set(attempts.map((row) => `${keyOf(row)} ${row.outcome}`))),
    terminalTwice: [...before].filter(([pair, digest]) => after.get(pair) !== digest).length,
    unrecorded: unrecordedOf(journal, rows, attempts),
    misreported,
    died: stage.programs.filter((program) => program.died || /unhandled/i.test(program.log())).length,
    recoveryMs,
    byStatus,
  };
}

/**
 * An execution that follows another of the same pair is explained when the former has not come to its end (interrupted, or
 * failed and attempted again by the policy), or when a fault touched it and the store says that its lease was lost or it was
 * superseded. Whatever ran again after its end was committed is explained by nothing.
 */
function repetitions(journal: JournalEntry[], faults: Fault[], outcomes: ReadonlySet<string>) {
  const byPair = new Map<string, Array<{ start: JournalEntry; end: JournalEntry | null }>>();
  for (const entry of journal) {
    const pair = `${entry.taskId} ${entry.endpoint}`;
    const list = byPair.get(pair) ?? [];
    byPair.set(pair, list);
    if (entry.what === "start") list.push({ start: entry, end: null });
    else {
      const open = list.findLast(
        ({ start, end }) => end === null && start.pid === entry.pid && start.attempt === entry.attempt,
      );
      if (open) open.end = entry;
    }
  }
  let executedTwice = 0;
  let repeated = 0;
  for (const [pair, executions] of byPair) {
    const excess = executions.slice(0, -1).filter(({ start, end }) => {
      if (end === null) return false;
      const touched = faults.some(
        (fault) =>
          (fault.endpoint === null || fault.endpoint === start.endpoint) &&
          fault.to >= start.at &&
          fault.from <= end.at + COMMIT_MS,
      );
      const uncommitted = ["lost", "superseded"].some((outcome) => outcomes.has(`${pair} ${start.attempt} ${outcome}`));
      return !(touched && uncommitted);
    });
    if (excess.length > 0) executedTwice++;
    else if (executions.filter((one) => one.end !== null).length > 1) repeated++;
  }
  return { executedTwice, repeated };
}

function unrecordedOf(
  journal: JournalEntry[],
  rows: Map<string, Row>,
  attempts: Array<{ task_id: string; endpoint: string; attempt: number }>,
): number {
  const recorded = new Set(attempts.map(keyOf));
  for (const [pair, row] of rows) if (FINAL.includes(row.status)) recorded.add(`${pair} ${row.attempt}`);
  const ends = new Set(
    journal.filter(({ what }) => what === "end").map((entry) => `${entry.taskId} ${entry.endpoint} ${entry.attempt}`),
  );
  return [...ends].filter((end) => !recorded.has(end)).length;
}

/** The API's word on some tasks against their rows: never complete with an open response, and numbers that add up. */
async function misreportedOf(stage: Scene, client: Client, rows: Map<string, Row>): Promise<number> {
  const byTask = new Map<string, string[]>();
  for (const row of rows.values()) byTask.set(row.task_id, [...(byTask.get(row.task_id) ?? []), row.status]);
  const every = Math.max(1, Math.floor(client.accepted.length / ASKED_OVER_HTTP));
  const some = client.accepted.filter((_, i) => i % every === 0);
  let wrong = 0;
  for (const { taskId, type } of some) {
    const { status, body } = await stage.ask("GET", `/${type}/${taskId}`);
    const statuses = byTask.get(taskId!) ?? [];
    const all = (word: string) => statuses.every((one) => one === word);
    const complete = statuses.every((one) => FINAL.includes(one));
    const c = body.completeness ?? {};
    const sum = c.running + c.succeeded + c.failed + c.cancelled + (c.missing?.length ?? 0);
    const right =
      status === 200 &&
      c.complete === complete &&
      (body.status === "succeeded") === all("succeeded") &&
      sum === c.expected;
    if (!right) wrong++;
  }
  return wrong;
}

async function look(stage: Scene): Promise<Map<string, Row>> {
  const rows = await stage.rows<Row>(
    "SELECT task_id, endpoint, status, attempt, result, reason, finished_at FROM task_responses",
  );
  return new Map(rows.map((row) => [`${row.task_id} ${row.endpoint}`, row]));
}

function keyOf(row: { task_id: string; endpoint: string; attempt: number }): string {
  return `${row.task_id} ${row.endpoint} ${row.attempt}`;
}

/** Of final responses only: whatever is final must stay as it is. */
function digests(rows: Map<string, Row>): Map<string, string> {
  const all = new Map<string, string>();
  for (const [pair, row] of rows) {
    if (FINAL.includes(row.status)) all.set(pair, createHash("sha256").update(JSON.stringify(row)).digest("hex"));
  }
  return all;
}

/** The line that each scenario prints; on standard error, where the report of the tests goes. */
export function report(name: string, faults: number, verdict: Verdict): void {
  const { accepted, lost, stuck, executedTwice, repeated, terminalTwice, died, recoveryMs, byStatus } = verdict;
  const statuses = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  const bad = [
    ...(stuck > 0 ? [`stuck ${stuck}`] : []),
    ...(verdict.unrecorded > 0 ? [`unrecorded ${verdict.unrecorded}`] : []),
    ...(verdict.misreported > 0 ? [`misreported ${verdict.misreported}`] : []),
    ...(died > 0 ? [`processes died ${died}`] : []),
  ];
  process.stderr.write(
    `${name}: faults ${faults}, accepted ${accepted}, lost ${lost}, executed twice ${executedTwice} (touched by a fault: ${repeated}), terminal twice ${terminalTwice}, recovered in ${(recoveryMs / 1000).toFixed(1)} s (${[...statuses, ...bad].join(", ")})\n`,
  );
}
