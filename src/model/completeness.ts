import { isFinal, type ResponseStatus } from "./response";
import type { TaskStatus } from "./task";

/** What completeness needs of a response. Several jobs at one endpoint are several of these. */
export interface ResponseFacts {
  endpoint: string;
  status: ResponseStatus;
  progress: number;
  receivedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
}

/** Counts of endpoints; expected = running + succeeded + failed + cancelled + missing.length. */
export interface Completeness {
  expected: number;
  /** Endpoints that have received the task. */
  received: number;
  /** Received and not final: waiting, running, or between attempts. */
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Endpoints that have not received it, expired ones included. */
  missing: string[];
  /** Every expected endpoint has a final response. */
  complete: boolean;
}

export interface TaskState {
  status: TaskStatus;
  settled: boolean;
  progress: number;
  startedAt: string | null;
  finishedAt: string | null;
  completeness: Completeness;
}

/** What the rows do not say: the task's times by the database's clock, and who lives. */
export interface TaskClock {
  /** `delay_until` lies ahead. */
  delayed: boolean;
  /** `wait_for_endpoints_timeout` has passed. */
  waitOver: boolean;
  /** The `overdue` endpoints that live. What they have not received will still be delivered. */
  living: ReadonlySet<string>;
}

/** For callers that need only the status, which does not depend on who lives. */
export const NOBODY: ReadonlySet<string> = new Set();

/** Jobs as one response: final when all are, failed when one is, missing until one is received. */
function foldJobs(jobs: ResponseFacts[]): { status: ResponseStatus; received: boolean } {
  const received = jobs.some((job) => job.receivedAt !== null);
  const statuses = jobs.map((job) => job.status);
  const has = (status: ResponseStatus) => statuses.includes(status);
  if (statuses.every(isFinal)) {
    const worst = (["failed", "missed", "cancelled"] as const).find(has);
    return { status: worst ?? "succeeded", received };
  }
  if (statuses.every((status) => status === "expected")) return { status: "expected", received };
  return { status: has("running") ? "running" : has("retrying") ? "retrying" : "received", received: true };
}

/**
 * The endpoints that have not received a task in time; empty while another response is under way.
 * Such a task is settled unless one of them lives, which the caller has to find out.
 */
export function overdue(rows: readonly ResponseFacts[], waitOver: boolean): string[] {
  const open = waitOver ? rows.filter((row) => !isFinal(row.status)) : [];
  if (!open.every((row) => row.status === "expected")) return [];
  return [...new Set(open.map((row) => row.endpoint))];
}

/** The state of a task, computed from its response rows in any order. Pure. */
export function taskState(rows: readonly ResponseFacts[], clock: TaskClock): TaskState {
  const byEndpoint = new Map<string, ResponseFacts[]>();
  for (const row of rows) {
    const jobs = byEndpoint.get(row.endpoint);
    if (jobs) jobs.push(row);
    else byEndpoint.set(row.endpoint, [row]);
  }

  const completeness: Completeness = {
    expected: byEndpoint.size,
    received: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    missing: [],
    complete: rows.length > 0 && rows.every((row) => isFinal(row.status)),
  };
  let missed = 0;
  let owed = 0;
  for (const [endpoint, jobs] of byEndpoint) {
    const { status, received } = foldJobs(jobs);
    if (received) completeness.received++;
    if (status === "succeeded" || status === "failed" || status === "cancelled") completeness[status]++;
    else if (status === "expected" || status === "missed") {
      completeness.missing.push(endpoint);
      if (status === "missed") missed++;
      else if (!clock.waitOver || clock.living.has(endpoint)) owed++;
    } else completeness.running++;
  }

  const unreceived = completeness.missing.length - missed;
  const begun = completeness.received > 0 || missed > 0 || completeness.cancelled > 0;
  const settled = completeness.complete || (completeness.running === 0 && unreceived > 0 && owed === 0);
  return {
    status: statusOf(completeness, { missed, unreceived, begun }, clock),
    settled,
    progress: rows.length === 0 ? 0 : round(rows.reduce((sum, row) => sum + progressOf(row), 0) / rows.length),
    startedAt: extreme(rows, "startedAt", (a, b) => a < b),
    finishedAt: completeness.complete ? extreme(rows, "finishedAt", (a, b) => a > b) : null,
    completeness,
  };
}

function statusOf(
  counts: Completeness,
  { missed, unreceived, begun }: { missed: number; unreceived: number; begun: boolean },
  clock: TaskClock,
): TaskStatus {
  if (counts.complete) {
    if (counts.failed > 0 || missed > 0) return "failed";
    return counts.cancelled > 0 ? "cancelled" : "succeeded";
  }
  if (unreceived > 0 && clock.waitOver) return "incomplete";
  if (begun) return "running";
  return clock.delayed ? "scheduled" : "pending";
}

/** A final response counts as 1, however it ended, so that the progress of a complete task is 1. */
function progressOf(row: ResponseFacts): number {
  return isFinal(row.status) ? 1 : Math.min(1, Math.max(0, row.progress));
}

function round(fraction: number): number {
  return Math.round(fraction * 10000) / 10000;
}

function extreme(
  rows: readonly ResponseFacts[],
  field: "startedAt" | "finishedAt",
  better: (a: string, b: string) => boolean,
): string | null {
  let best: string | null = null;
  for (const row of rows) {
    const value = row[field];
    if (value !== null && (best === null || better(value, best))) best = value;
  }
  return best;
}
