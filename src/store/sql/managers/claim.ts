import { isId } from "../../../model/ids";
import { ANY_ENDPOINT, isName } from "../../../model/names";
import { isFinal, type ResponseStatus } from "../../../model/response";
import {
  type Claim,
  type ClaimAnswer,
  type ClaimRequest,
  type ClaimResult,
  type Grant,
  knownGrant,
  type Refusal,
} from "../../store";
import type { Connection, Database } from "../connection";
import { keyText, Sql, unique } from "../sql";
import { type Asked, inParts, type Part } from "./claim-parts";
import { claimStatement, rowsOf, type Wanted } from "./claim-statement";
import { isKey, runOn } from "./lease";

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

  /** Answers each request in the order given; one that is lost harms no other. */
  async claimAll(requests: readonly ClaimRequest[]): Promise<ClaimResult[]> {
    const parts = inParts(requests.filter(isPossible).flatMap((request) => this.askedBy(request)));
    const results = new Map<ClaimRequest, Map<Claim, Answer>>(requests.map((request) => [request, new Map()]));
    try {
      for (const part of parts) {
        const answers = await this.db.single((connection) => grant(connection, part));
        part.forEach(({ request, claim }, i) => void results.get(request)!.set(claim, answers[i]!));
      }
    } catch (error) {
      // What earlier parts were granted is unheard of as well.
      this.keep(parts.flat());
      throw error;
    }
    if (this.unconfirmed.size > 0)
      for (const { request, claim } of parts.flat()) this.unconfirmed.delete(nameOf(request, claim));
    return requests.map((request) => resultOf(request, results.get(request)!));
  }

  private askedBy(request: ClaimRequest): Asked[] {
    return request.claims
      .filter((claim) => isComparable(request, claim))
      .map((claim) => ({
        request,
        claim,
        leaseId: claim.leaseId ?? this.unconfirmed.get(nameOf(request, claim)) ?? null,
      }));
  }

  private keep(part: Part): void {
    for (const { request, claim, leaseId } of part) {
      if (this.unconfirmed.size >= MAX_UNCONFIRMED) return;
      this.unconfirmed.set(nameOf(request, claim), leaseId);
    }
  }
}

function nameOf({ managerId }: ClaimRequest, { taskId, job }: Claim): string {
  return `${managerId} ${taskId} ${job}`;
}

/** LOST: its incarnation was declared dead, retired or closed. */
type Answer = ClaimAnswer | typeof LOST;
const LOST = "lost";

function resultOf(request: ClaimRequest, answers: ReadonlyMap<Claim, Answer>): ClaimResult {
  const answered: ClaimAnswer[] = [];
  for (const claim of request.claims) {
    const answer = answers.get(claim) ?? refusal(claim, "unknown");
    if (answer === LOST || !isPossible(request)) return { lost: true };
    answered.push(answer);
  }
  return { answers: answered };
}

/** No incarnation has another id, which could not even be compared with one. */
function isPossible({ managerId }: ClaimRequest): boolean {
  return isId(managerId);
}

/** What else could stand in no row, and would fail the statement of its neighbours. */
function isComparable(request: ClaimRequest, claim: Claim): boolean {
  const { taskId, job, type, endpoint, leaseId, generation, attempt, known } = claim;
  return (
    isKey({ taskId, job, endpoint: request.endpoint }) &&
    (type === undefined || isName(type)) &&
    (endpoint === undefined || endpoint === request.endpoint || endpoint === ANY_ENDPOINT) &&
    (leaseId === undefined || isId(leaseId)) &&
    [generation, attempt, known?.version].every((count) => count == null || Number.isSafeInteger(count))
  );
}

async function grant(connection: Connection, part: Part): Promise<Answer[]> {
  const { dialect } = connection;
  let granted = await runOn(connection, part.length, claimStatement(dialect, wantedOf(part)));
  const known = part.filter(({ claim }) => claim.known);
  if (granted === part.length && known.length === granted)
    return part.map(({ request, claim, leaseId }) => knownGrant(claim, request.endpoint, leaseId));
  if (granted < part.length && known.length > 0) {
    // Some rows have gone on since their messages were written, and may still be claimable.
    granted += await runOn(connection, known.length, claimStatement(dialect, wantedOf(known.map(anew))));
  }
  const rows = await readRows(connection, part.map(anew));
  const managers = unique(part.map(({ request }) => request.managerId));
  const living = granted < part.length ? await livingOf(connection, managers) : new Set(managers);
  return part.map((one) => (living.has(one.request.managerId) ? answerOf(one, rows) : LOST));
}

/** As if nothing were known of the row. */
function anew(one: Part[number]): Part[number] {
  return { ...one, claim: { ...one.claim, known: null } };
}

function wantedOf(part: Part): Wanted[] {
  const { endpoint } = part[0]!.request;
  const shared = part.some(({ request }) => request.endpoint !== endpoint);
  // Named one by one: this is made for each row, and spreading is slow.
  return part.map(({ request, claim, leaseId }) => ({
    taskId: claim.taskId,
    endpoint: (claim.known && claim.endpoint) || request.endpoint,
    job: claim.job,
    type: claim.type,
    generation: claim.generation,
    attempt: claim.attempt,
    leaseId,
    managerId: request.managerId,
    performer: request.endpoint,
    orAnybody: !claim.known && !shared,
    version: claim.known?.version,
  }));
}

interface ClaimedRow extends Omit<Grant, "granted" | "identifier"> {
  identifier: string | Buffer;
  status: ResponseStatus;
  cancelAt: string | null;
}

/** By their keys. */
async function readRows(connection: Connection, part: Part): Promise<Map<string, ClaimedRow>> {
  const select = new Sql(
    `SELECT r.task_id AS taskId, r.job, r.endpoint, r.type, r.performer, r.lease_id AS leaseId, r.attempt, r.attempts, r.generation,
       r.timeout_ms AS timeoutMs, t.identifier, t.payload, t.traceparent, r.status, r.cancel_at AS cancelAt
     FROM task_responses r JOIN tasks t ON t.id = r.task_id WHERE `,
  ).append(rowsOf(connection.dialect, wantedOf(part), { prefix: "r." }));
  const rows = await connection.query<ClaimedRow>(select.text, select.values);
  return new Map(rows.map((row) => [keyText(row), row]));
}

function answerOf({ request, claim, leaseId }: Part[number], rows: ReadonlyMap<string, ClaimedRow>): ClaimAnswer {
  const { taskId, job } = claim;
  const row =
    rows.get(keyText({ taskId, job, endpoint: request.endpoint })) ??
    rows.get(keyText({ taskId, job, endpoint: ANY_ENDPOINT }));
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
async function livingOf(connection: Connection, managerIds: readonly string[]): Promise<Set<string>> {
  const { text, values } = connection.dialect.isIn("id", managerIds);
  const rows = await connection.query<{ id: string }>(
    `SELECT id FROM managers WHERE ${text} AND state IN ('alive', 'draining')`,
    values,
  );
  return new Set(rows.map(({ id }) => id));
}
