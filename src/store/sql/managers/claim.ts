import { IncarnationLost } from "../../../errors";
import { groupBy } from "../../../group-by";
import { isId, newId } from "../../../model/ids";
import { isFinal, type ResponseStatus } from "../../../model/response";
import { type Claim, type ClaimAnswer, type Grant, knownGrant, type Refusal } from "../../store";
import type { Connection, Database } from "../connection";
import { chunks, Sql } from "../sql";
import { type Claimant, claimStatement, rowsOf } from "./claim-statement";
import { runOn } from "./lease";

const MAX_UNCONFIRMED = 10_000;

/**
 * One UPDATE grants a whole batch under one fresh lease. Where every row still is as its claim
 * knows it, nothing is left to be asked; otherwise the rows are read, and say what was granted and
 * why the rest was not.
 *
 * A claim whose answer was lost may have been granted under a lease that nobody knows. Its lease is
 * kept here until the same manager asks again, and is then used again: the grant is found, and the
 * attempt is not counted twice.
 */
export class Claims {
  private readonly unconfirmed = new Map<string, string>();

  constructor(private readonly db: Database) {}

  async claim(managerId: string, endpoint: string, claims: readonly Claim[]): Promise<ClaimAnswer[]> {
    const answers = new Map<Claim, ClaimAnswer>();
    const fresh = newId();
    const byLease = groupBy(
      claims.filter((claim) => isId(claim.taskId)),
      (claim) => claim.leaseId ?? this.unconfirmed.get(nameOf(managerId, claim)) ?? fresh,
    );
    for (const [leaseId, group] of byLease) {
      for (const part of chunks(group, 100)) {
        const found = await this.claimUnder({ leaseId, managerId, endpoint }, part);
        part.forEach((claim, i) => void answers.set(claim, found[i]!));
      }
    }
    return claims.map((claim) => answers.get(claim) ?? refusal(claim, "unknown"));
  }

  private async claimUnder(claimant: Claimant, claims: readonly Claim[]): Promise<ClaimAnswer[]> {
    const { leaseId, managerId } = claimant;
    try {
      const answers = await this.db.single((connection) => grant(connection, claimant, claims));
      if (this.unconfirmed.size > 0) for (const claim of claims) this.unconfirmed.delete(nameOf(managerId, claim));
      return answers;
    } catch (error) {
      if (!(error instanceof IncarnationLost) && this.unconfirmed.size < MAX_UNCONFIRMED)
        for (const claim of claims) this.unconfirmed.set(nameOf(managerId, claim), leaseId);
      throw error;
    }
  }
}

function nameOf(managerId: string, { taskId, job }: Claim): string {
  return `${managerId} ${taskId} ${job}`;
}

async function grant(connection: Connection, claimant: Claimant, claims: readonly Claim[]): Promise<ClaimAnswer[]> {
  const { dialect } = connection;
  const { leaseId, managerId, endpoint } = claimant;
  let granted = await runOn(connection, claims.length, claimStatement(dialect, claimant, claims));
  const known = claims.filter((claim) => claim.known);
  if (granted === claims.length && known.length === granted)
    return claims.map((claim) => knownGrant(claim, endpoint, leaseId));
  if (granted < claims.length && known.length > 0) {
    // Some rows have gone on since their messages were written, and may still be claimable.
    const anew = known.map(({ known, ...claim }) => claim);
    granted += await runOn(connection, anew.length, claimStatement(dialect, claimant, anew));
  }
  const rows = await readRows(connection, endpoint, claims);
  if (granted < claims.length) await assertAlive(connection, managerId);
  return claims.map((claim) => answerOf(claim, rows.get(`${claim.taskId} ${claim.job}`), leaseId));
}

interface ClaimedRow extends Omit<Grant, "granted" | "identifier"> {
  identifier: string | Buffer;
  status: ResponseStatus;
  cancelAt: string | null;
}

async function readRows(
  connection: Connection,
  endpoint: string,
  claims: readonly Claim[],
): Promise<Map<string, ClaimedRow>> {
  const select = new Sql(
    `SELECT r.task_id AS taskId, r.job, r.endpoint, r.type, r.performer, r.lease_id AS leaseId, r.attempt, r.attempts, r.generation,
       r.timeout_ms AS timeoutMs, t.identifier, t.payload, t.traceparent, r.status, r.cancel_at AS cancelAt
     FROM task_responses r JOIN tasks t ON t.id = r.task_id WHERE `,
  ).append(rowsOf(connection.dialect, endpoint, claims, { prefix: "r." }));
  const rows = await connection.query<ClaimedRow>(select.text, select.values);
  return new Map(rows.map((row) => [`${row.taskId} ${row.job}`, row]));
}

function answerOf(claim: Claim, row: ClaimedRow | undefined, leaseId: string): ClaimAnswer {
  if (!row) return refusal(claim, "unknown");
  if (claim.generation != null && claim.generation < row.generation) return refusal(claim, "final");
  const { status, cancelAt, identifier, ...rest } = row;
  if (status === "running" && rest.leaseId === leaseId)
    return { granted: true, ...rest, identifier: String(identifier) };
  if (isFinal(status) || (cancelAt !== null && status !== "running")) return refusal(claim, "final");
  return refusal(claim, status === "running" ? "held" : "not_due");
}

function refusal({ taskId, job }: Claim, why: Refusal): ClaimAnswer {
  return { granted: false, taskId, job, why };
}

/** Asked only where something was refused: most often the rows themselves are the reason. */
async function assertAlive(connection: Connection, managerId: string): Promise<void> {
  const rows = await connection.query(
    "SELECT 1 AS alive FROM managers WHERE id = ? AND state IN ('alive', 'draining')",
    [managerId],
  );
  if (rows.length === 0) throw new IncarnationLost(managerId);
}
