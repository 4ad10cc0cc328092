import type { JsonObject } from "../model/json/json";
import type { KnownTask } from "../model/message";
import type { FinalStatus, ResponseKey } from "../model/response";
import type { Deliver } from "../model/task";

/** The face of the store for managers: register, claim, report, finish. */

export interface ManagerRecord {
  id: string;
  endpoint: string;
  host: string;
  pid: number;
  slot: string;
  version: string;
  state: "alive" | "draining" | "stopped" | "retired" | "dead";
  startedAt: string;
  heartbeatAt: string;
  stoppedAt: string | null;
  running: number;
}

export interface ManagerRegistration {
  /** The incarnation: a fresh id for every start of a manager. */
  id: string;
  endpoint: string;
  labels: JsonObject;
  types: string[];
  version: string;
  host: string;
  pid: number;
  /**
   * Tells managers of one endpoint on one host apart; a newcomer with the same three retires its
   * predecessors at once.
   */
  slot: string;
  /** Predecessors that are not to be retired: their processes live. */
  spare?: readonly string[];
  /**
   * The incarnation that this very process had before, which was declared dead. What still runs
   * under it goes on under the new one. `cutOff`: the process ran and could not reach the store.
   * Then what was taken from it, and has not been claimed since, is not charged; within bounds,
   * because a task that cuts managers off must not be tried for ever.
   */
  former?: { id: string; cutOff: boolean };
  /** A heartbeat older than this means dead. */
  ttlMs: number;
}

/** A response that a manager asks to attempt. */
export interface Claim {
  taskId: string;
  job: string;
  /** Granted only where the response is of this type; left out: of any. */
  type?: string;
  /**
   * The generation that its message belongs to. A later one is not granted for it; left out or
   * null: any is.
   */
  generation?: number | null;
  /**
   * What the store itself said of the row when it was published (a signed message). While the
   * row still has that version, the claim reads nothing more; otherwise it is ignored.
   */
  known?: KnownTask | null;
  /** The row's own endpoint key; goes with `known`. */
  endpoint?: string;
  /**
   * The lease under which it runs already (LateClaim), and as which attempt; left out: a fresh
   * lease, and the next attempt.
   */
  leaseId?: string;
  attempt?: number;
}

/** An attempt that may begin, under its lease. */
export interface Grant {
  granted: true;
  taskId: string;
  type: string;
  identifier: string;
  job: string;
  /** The row's own endpoint key: the manager's endpoint or ANY_ENDPOINT. Give it back on finish. */
  endpoint: string;
  /** The endpoint that performs it. */
  performer: string;
  leaseId: string;
  attempt: number;
  attempts: number;
  generation: number;
  timeoutMs: number;
  /** JSON text, from the store. */
  payload: string;
  traceparent: string | null;
}

/**
 * unknown: no row for this endpoint · final: also where a later generation has begun · held:
 * another lease lives · not_due: its retry or delay lies ahead.
 */
export type Refusal = "unknown" | "final" | "held" | "not_due";

export type ClaimAnswer = Grant | { granted: false; taskId: string; job: string; why: Refusal };

/** What a claim is granted whose row still is as it is known to be. */
export function knownGrant(claim: Claim, performer: string, leaseId: string): Grant {
  const known = claim.known!;
  return {
    granted: true,
    taskId: claim.taskId,
    type: claim.type!,
    identifier: known.identifier,
    job: claim.job,
    endpoint: claim.endpoint!,
    performer,
    leaseId,
    attempt: known.attempt + 1,
    attempts: known.attempts,
    generation: known.generation,
    timeoutMs: known.timeoutMs,
    payload: known.payload,
    traceparent: known.traceparent,
  };
}

/**
 * The claim of an attempt that began without one (`claim: late`), on a response that nothing had
 * happened to. It is made with the end, in the same statement, and only if the response can still
 * be claimed as that attempt of that generation; otherwise the end is superseded. Nothing is to run
 * under it any more, so its incarnation need not live.
 */
export interface LateClaim {
  managerId: string;
  /** The endpoint that performed it. */
  performer: string;
  type: string;
  /** How long it ran, milliseconds. */
  ranMs: number;
}

/** How an attempt ended, reported under its lease. */
export interface AttemptEnd extends LeaseRef {
  generation: number;
  attempt: number;
  /**
   * A final status, or `retrying` with `retryInMs`, or `received`: given back unharmed (drain), the
   * attempt not charged.
   */
  status: Exclude<FinalStatus, "missed"> | "retrying" | "received";
  retryInMs?: number;
  reason: string | null;
  error: string | null;
  result: string | null;
  resultText: string | null;
  /** Left out: it was claimed under the lease. */
  claim?: LateClaim;
}

/**
 * recorded: it stands (also when a repeated call finds it standing) · superseded: the lease was
 * lost; kept as an attempt · refused: cannot be stored.
 */
export type EndAnswer = { kind: "recorded" } | { kind: "superseded" } | { kind: "refused"; error: Error };

export interface LeaseRef extends ResponseKey {
  leaseId: string;
}

/** `overdue`: it is held, and by the database's clock its timeout passed some time ago. */
export type LeaseState = "held" | "cancel" | "overdue" | "lost";

/** What waits at an endpoint. */
export interface Waiting {
  endpoint: string;
  tasks: ReadonlyArray<Pick<Claim, "taskId" | "job" | "generation">>;
}

/**
 * All that a manager may do to the store. Kept this small so that the same calls can travel over
 * the broker one day.
 */
export interface ManagerStore {
  /** The key with which messages are signed; null: no API has made one yet. */
  messageKey(): Promise<string | null>;
  /**
   * Incarnations that were neither closed nor declared dead at the same endpoint, host and slot.
   */
  predecessors(
    of: Pick<ManagerRegistration, "endpoint" | "host" | "slot">,
  ): Promise<Array<{ id: string; pid: number }>>;
  /**
   * Registers the endpoint and its types, opens the incarnation, retires a predecessor (its leases
   * become due at once). Rejects with EndpointEnded where the name is reserved, or where `former`
   * belongs to a life of the endpoint that was ended.
   */
  register(manager: ManagerRegistration): Promise<void>;
  /**
   * For which of the endpoint's types tasks of the kind of delivery are open that its config does
   * not have any more.
   */
  openDeliveries(endpoint: string): Promise<Array<{ type: string; deliver: Deliver }>>;
  /**
   * `known: false`: this incarnation was declared dead or retired meanwhile; its leases are lost.
   */
  heartbeat(managerId: string, state: { running: number; draining: boolean }): Promise<{ known: boolean }>;
  /** Closes the incarnation in good order. */
  leave(managerId: string): Promise<void>;

  /**
   * Compare-and-set, before anything runs: grants what is claimable at this endpoint (its own rows
   * and those of `deliver: one`), under one fresh lease, counting the attempt. Answers in the order
   * given.
   *
   * Rejects with IncarnationLost where this incarnation was declared dead, retired or closed: what
   * it was granted would be taken from it at once.
   *
   * After an unknown outcome the same manager repeats the call, and is granted what the lost call
   * had granted, the attempt not counted twice. Otherwise a lost COMMIT answer would leave a row
   * `running` without a manager.
   */
  claim(managerId: string, endpoint: string, claims: readonly Claim[]): Promise<ClaimAnswer[]>;
  /**
   * Says that these wait at the endpoint (`received`). Only what is still `expected`, in the
   * claim's generation, changes.
   */
  received(endpoint: string, tasks: Waiting["tasks"]): Promise<void>;
  /**
   * Says that these attempts still run some time after they began: only then are their starts
   * published.
   */
  underWay(leases: readonly LeaseRef[]): Promise<void>;
  progress(reports: ReadonlyArray<LeaseRef & { progress: number; message: string | null }>): Promise<void>;
  log(chunks: ReadonlyArray<ResponseKey & { attempt: number; text: string }>): Promise<void>;
  /** Ends attempts, each only under its lease. Answers in the order given. */
  finish(ends: readonly AttemptEnd[]): Promise<EndAnswer[]>;
  /**
   * Puts a request for another task into the inbox; the API's reconciler takes it in within a
   * second.
   */
  request(row: NewRequest): Promise<void>;
  /** For what runs: is the lease still held, has a cancel been asked? In the order given. */
  check(leases: readonly LeaseRef[]): Promise<LeaseState[]>;
  /**
   * Says that these still run under their leases, and how long they may go on: the database's clock
   * has made a step.
   */
  confirm(leases: ReadonlyArray<LeaseRef & { leftMs: number }>): Promise<void>;
}

export interface NewRequest {
  id: string;
  type: string;
  identifier: string;
  /** JSON text of the rest of the request (`payload`, `endpoints`, …). */
  body: string;
}

export interface RequestRow extends NewRequest {
  /** The author that the row itself names. */
  createdBy: string | null;
  /**
   * As the database says: `user@host`; null where it knows no users, and for a row from before it
   * was asked.
   */
  account: string | null;
  /**
   * The account is a manager's (`tasker initialize`): of this endpoint or of any, for these types
   * or for all.
   */
  manager: { endpoint: string | null; types: readonly string[] | null } | null;
}
