import { createHash } from "node:crypto";
import { until } from "../../support/until";
import type { Client, LoggedRequest } from "./client";
import type { Bound } from "./report";
import type { Fault, JournalEntry, Scenario } from "./scene";

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
  /** Milliseconds from the heal to the last final response of what was accepted before it, by the database's clock. */
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
const OPEN = `status NOT IN (${FINAL.map((status) => `'${status}'`).join(", ")})`;
/** A fault touches an execution that has ended so shortly before that its end may not have been committed. */
const COMMIT_MS = 2500;
/** The end of its own manager does so for longer: on a starved machine a commit may be under way for seconds. */
const OWN_COMMIT_MS = 10_000;
const ASKED_OVER_HTTP = 30;

export interface CheckOptions {
  /** Endpoints that stay down on purpose. */
  down?: string[];
  withinMs?: number;
  /** The API is not there any more. */
  withoutApi?: boolean;
  /** Attempts begin before their claim: one that a fault has met may be unknown to the store. */
  late?: boolean;
}

/**
 * Waits until every stored task has a final response at every endpoint that is up, then holds client log, journal, database and
 * API against each other (invariants I1–I7 of the fault plan).
 */
export async function check(stage: Scenario, client: Client, options: CheckOptions = {}): Promise<Verdict> {
  const isUp = (endpoint: string) => !options.down?.includes(endpoint);
  const wanted = client.accepted;
  const pairs = wanted.flatMap((entry) =>
    entry.endpoints.filter(isUp).map((endpoint) => `${entry.taskId} ${endpoint}`),
  );
  let rows = new Map<string, Row>();
  const isFinal = (pair: string) => FINAL.includes(rows.get(pair)?.status ?? "");
  const stuck = () => [...rows].filter(([pair, row]) => isUp(row.endpoint) && !isFinal(pair)).length;
  const missing = () => pairs.filter((pair) => !isFinal(pair));
  const away = (options.down ?? []).map((endpoint) => ` AND endpoint <> '${endpoint}'`).join("");
  await until(
    "a final response to everything stored",
    async () => (await stage.rows(`SELECT task_id FROM task_responses WHERE ${OPEN}${away} LIMIT 1`)).length === 0,
    options.withinMs ?? 60_000,
  ).catch(() => undefined);
  rows = await look(stage);
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
  const managers = new Set(stage.programs.map((program) => program.pid));
  const outcomes = new Set(attempts.map((row) => `${keyOf(row)} ${row.outcome}`));
  const { unexplained, ...runs } = repetitions(journal, stage.faults, managers, outcomes, options.late);
  for (const sentence of unexplained) process.stderr.write(`Explained by no fault: ${sentence}\n`);
  return {
    accepted: wanted.length,
    lost: missing().length,
    stuck: stuck(),
    ...runs,
    terminalTwice: [...before].filter(([pair, digest]) => after.get(pair) !== digest).length,
    unrecorded: unrecordedOf(journal, rows, attempts),
    misreported,
    died: stage.programs.filter((program) => program.died || /unhandled/i.test(program.log())).length,
    recoveryMs: recoveryOf(stage.healedAt, wanted, rows),
    byStatus,
  };
}

/** Waits until what these endpoints were given before the last heal is final, and says how long after the heal that was. */
export async function over(stage: Scenario, client: Client, endpoints: string[], most: number): Promise<Bound> {
  const { healedAt } = stage;
  const before = client.accepted.filter(({ at }) => at <= healedAt).map(({ taskId }) => taskId!);
  const newest = before.sort().at(-1);
  const open = `SELECT task_id FROM task_responses WHERE task_id <= '${newest}' AND endpoint IN ('${endpoints.join("', '")}') AND ${OPEN} LIMIT 1`;
  await until("what was accepted before is final", async () => (await stage.rows(open)).length === 0, 60_000);
  const rows = await look(stage);
  return { what: "over after", value: recoveryOf(healedAt, client.accepted, rows) / 1000, most };
}

function recoveryOf(healedAt: number, accepted: readonly LoggedRequest[], rows: ReadonlyMap<string, Row>): number {
  let last = healedAt;
  for (const { taskId, endpoints, at } of accepted) {
    if (at > healedAt) continue;
    for (const endpoint of endpoints) {
      const finished = rows.get(`${taskId} ${endpoint}`)?.finished_at;
      if (finished) last = Math.max(last, Date.parse(`${finished.replace(" ", "T")}Z`));
    }
  }
  return last - healedAt;
}

/**
 * An execution that follows another of the same pair is explained when the former has not come to its end (interrupted, or
 * failed and attempted again by the policy), or when a fault touched it and the store says that its lease was lost or it was
 * superseded. Whatever ran again after its end was committed is explained by nothing.
 *
 * A fault touches an execution that it meets, and one that began without its manager: what a killed manager had handed over
 * is begun by its handler process as long as that has not noticed, and on a busy machine this is after the kill.
 *
 * @param managers process ids of everything that was started
 * @param outcomes `task endpoint attempt outcome` of each attempt in the store
 * @param late attempts begin before their claim: then one that the next execution repeats by the same number was never claimed
 */
export function repetitions(
  journal: readonly JournalEntry[],
  faults: readonly Fault[],
  managers: ReadonlySet<number>,
  outcomes: ReadonlySet<string>,
  late = false,
): { executedTwice: number; repeated: number; unexplained: string[] } {
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
  const unexplained: string[] = [];
  for (const [pair, executions] of byPair) {
    const excess = executions.slice(0, -1).filter(({ start, end }, i) => {
      if (end === null) return false;
      const orphaned = start.parent !== null && !managers.has(start.parent);
      const met = faults.some(
        (fault) =>
          (fault.endpoint === null || fault.endpoint === start.endpoint) &&
          fault.to >= start.at &&
          fault.from <= end.at + (fault.pid !== null && fault.pid === start.parent ? OWN_COMMIT_MS : COMMIT_MS),
      );
      const uncommitted = ["lost", "superseded"].some((outcome) => outcomes.has(`${pair} ${start.attempt} ${outcome}`));
      const unclaimed = late && executions[i + 1]!.start.attempt === start.attempt;
      return !((orphaned || met) && (uncommitted || unclaimed));
    });
    if (excess.length > 0) {
      executedTwice++;
      unexplained.push(`${pair} ran ${executions.length} times: ${JSON.stringify(executions)}`);
    } else if (executions.filter((one) => one.end !== null).length > 1) repeated++;
  }
  return { executedTwice, repeated, unexplained };
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
async function misreportedOf(stage: Scenario, client: Client, rows: Map<string, Row>): Promise<number> {
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

async function look(stage: Scenario): Promise<Map<string, Row>> {
  const rows = await stage.rows<Row>(
    "SELECT task_id, endpoint, status, attempt, result, reason, CAST(finished_at AS CHAR) AS finished_at FROM task_responses",
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
