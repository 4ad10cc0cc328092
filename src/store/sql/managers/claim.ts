import { IncarnationLost } from "../../../errors";
import { isId, newId } from "../../../model/ids";
import { isFinal, type ResponseStatus } from "../../../model/response";
import type { Claim, ClaimAnswer } from "../../store";
import type { Connection, Database } from "../connection";
import { bytesToText } from "../rows";
import { chunks, groupBy, Sql } from "../sql";
import { claimLone } from "./lone";
import { ALIVE, atEndpoint, take } from "./take";

const MAX_UNSURE = 10_000;

interface GrantedRow {
  task_id: string;
  job: string;
  endpoint: string;
  attempt: number;
  attempts: number;
  generation: number;
  timeout_ms: number;
  identifier: string | Buffer;
  payload: string;
  traceparent: string | null;
}

interface RefusedRow {
  task_id: string;
  job: string;
  generation: number;
  status: string;
  cancel_at: string | null;
}

/**
 * One UPDATE grants a whole batch under one fresh lease; a SELECT by that lease tells what was granted. What is known of the
 * rows already (Claim.known) is put into the UPDATE's condition: where all of them match, nothing is left to be asked.
 *
 * A claim whose answer was lost may have been granted under a lease that nobody knows. Its lease is kept here until the
 * same manager asks again, and is then used again: what had been granted is found, and the attempt is not counted twice.
 */
export class Claims {
  private readonly unconfirmed = new Map<string, string>();

  constructor(private readonly db: Database) {}

  async claim(managerId: string, endpoint: string, claims: readonly Claim[]): Promise<ClaimAnswer[]> {
    const answers = new Map<string, ClaimAnswer>();
    const fresh = newId();
    const byLease = groupBy(
      claims.filter((claim) => isId(claim.taskId)),
      (claim) => claim.leaseId ?? this.unconfirmed.get(`${managerId} ${claim.taskId} ${claim.job}`) ?? fresh,
    );
    for (const [leaseId, group] of byLease) {
      for (const part of chunks(group, 100)) await this.claimUnder(leaseId, managerId, endpoint, part, answers);
    }
    return claims.map((claim) => {
      const { taskId, job, generation } = claim;
      const answer = answers.get(`${taskId} ${job}`);
      if (!answer) return { granted: false, taskId, job, why: "unknown" };
      // It was granted to another claim of the same call, for a later generation.
      const older = answer.granted && generation !== undefined && generation < answer.generation;
      return older ? { granted: false, taskId, job, why: "final" } : answer;
    });
  }

  private async claimUnder(
    leaseId: string,
    managerId: string,
    endpoint: string,
    claims: readonly Claim[],
    answers: Map<string, ClaimAnswer>,
  ): Promise<void> {
    const names = claims.map((claim) => `${managerId} ${claim.taskId} ${claim.job}`);
    try {
      await this.db.single((connection) => grant(connection, leaseId, managerId, endpoint, claims, answers));
    } catch (error) {
      if (error instanceof IncarnationLost) throw error;
      if (this.unconfirmed.size < MAX_UNSURE) for (const name of names) this.unconfirmed.set(name, leaseId);
      throw error;
    }
    if (this.unconfirmed.size > 0) for (const name of names) this.unconfirmed.delete(name);
  }
}

async function grant(
  connection: Connection,
  leaseId: string,
  managerId: string,
  endpoint: string,
  claims: readonly Claim[],
  answers: Map<string, ClaimAnswer>,
): Promise<void> {
  // What a statement has granted whose answer was lost is found below.
  if (claims.length === 1 && (await claimLone(connection, leaseId, managerId, endpoint, claims[0]!)))
    return void answers.set(`${claims[0]!.taskId} ${claims[0]!.job}`, grantOf(claims[0]!, leaseId));
  const left: Claim[] = [];
  for (const group of groupBy(claims, stateOf).values()) {
    const known = group[0]!.known;
    const asKnown = known && (await take(connection, leaseId, managerId, endpoint, group, { known })) === group.length;
    if (asKnown) for (const claim of group) answers.set(`${claim.taskId} ${claim.job}`, grantOf(claim, leaseId));
    else left.push(...group);
  }
  if (left.length === 0) return;
  // Of those that are known to be otherwise some may have been taken just now; the others are taken as they are.
  await take(connection, leaseId, managerId, endpoint, left);
  const mine = new Sql(
    `SELECT r.task_id, r.job, r.endpoint, r.attempt, r.attempts, r.generation, r.timeout_ms, t.identifier, t.payload, t.traceparent
     FROM task_responses r JOIN tasks t ON t.id = r.task_id WHERE `,
  );
  mine
    .append(atEndpoint(connection, endpoint, left, "r."))
    .add(` AND r.lease_id = ? AND r.status = 'running'${ALIVE}`, leaseId, managerId);
  const granted = await connection.query<GrantedRow>(mine.text, mine.values);
  for (const row of granted) answers.set(`${row.task_id} ${row.job}`, toGrant(row, leaseId));
  if (granted.length === left.length) return;
  await mustLive(connection, managerId);
  await explain(connection, endpoint, left, answers);
}

/** Asked only where something was refused: most often it is the rows' doing. */
async function mustLive(connection: Connection, managerId: string): Promise<void> {
  const rows = await connection.query(
    `SELECT 1 AS lives FROM managers WHERE id = ? AND state IN ('alive', 'draining')`,
    [managerId],
  );
  if (rows.length === 0) throw new IncarnationLost(managerId);
}

/** Claims that one UPDATE can take as they are known; all others are one group. */
function stateOf({ known, job, type = "" }: Claim): string {
  return known ? `${known.endpoint} ${job} ${type} ${known.version}` : "";
}

function grantOf(claim: Claim, leaseId: string): ClaimAnswer {
  const known = claim.known!;
  return {
    granted: true,
    taskId: claim.taskId,
    job: claim.job,
    endpoint: known.endpoint,
    leaseId,
    attempt: known.attempt + 1,
    attempts: known.attempts,
    generation: known.generation,
    timeoutMs: known.timeoutMs,
    identifier: known.identifier,
    payload: known.payload,
    traceparent: known.traceparent,
  };
}

function toGrant(row: GrantedRow, leaseId: string): ClaimAnswer {
  return {
    granted: true,
    taskId: row.task_id,
    job: row.job,
    endpoint: row.endpoint,
    leaseId,
    attempt: row.attempt,
    attempts: row.attempts,
    generation: row.generation,
    timeoutMs: row.timeout_ms,
    identifier: bytesToText(row.identifier),
    payload: row.payload,
    traceparent: row.traceparent,
  };
}

async function explain(
  connection: Connection,
  endpoint: string,
  claims: readonly Claim[],
  answers: Map<string, ClaimAnswer>,
): Promise<void> {
  const left = claims.filter((claim) => !answers.has(`${claim.taskId} ${claim.job}`));
  if (left.length === 0) return;
  const sql = new Sql("SELECT task_id, job, generation, status, cancel_at FROM task_responses WHERE ");
  sql.append(atEndpoint(connection, endpoint, left));
  const claimed = new Map(left.map((claim) => [`${claim.taskId} ${claim.job}`, claim.generation ?? null]));
  for (const row of await connection.query<RefusedRow>(sql.text, sql.values)) {
    const name = `${row.task_id} ${row.job}`;
    if (answers.has(name)) continue;
    answers.set(name, {
      granted: false,
      taskId: row.task_id,
      job: row.job,
      why: whyNot(row, claimed.get(name) ?? null),
    });
  }
}

function whyNot(row: RefusedRow, generation: number | null): "final" | "held" | "not_due" {
  if (isFinal(row.status as ResponseStatus) || (generation !== null && generation < row.generation)) return "final";
  if (row.status === "running") return "held";
  return row.cancel_at === null ? "not_due" : "final";
}
