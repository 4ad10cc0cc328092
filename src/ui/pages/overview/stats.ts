import type { TaskSummary } from "../../../client/types";

/** Statistics from the newest tasks: the time since the oldest of them, in buckets. */
export interface Stats {
  /** Starts of the buckets, seconds since 1970. */
  times: number[];
  created: number[];
  succeeded: number[];
  failed: number[];
  p50: Array<number | null>;
  p95: Array<number | null>;
  p99: Array<number | null>;
  bucketMs: number;
  /** Tasks of these that ended within the last minute, in any status. */
  finishedLastMinute: number;
}

const WIDTHS = [1000, 5000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000];
const BUCKETS = 40;

/** `complete`: these are all tasks; else the first bucket may be partial and is left out. */
export function statsOf(tasks: readonly TaskSummary[], now: number, complete: boolean): Stats | null {
  if (tasks.length === 0) return null;
  const oldest = Math.min(...tasks.map((task) => Date.parse(task.created_at)));
  const span = Math.max(60_000, now - oldest);
  const bucketMs = WIDTHS.find((width) => span / width <= BUCKETS) ?? WIDTHS.at(-1)!;
  const first = Math.floor((now - span) / bucketMs) + (complete ? 0 : 1);
  const count = Math.max(2, Math.floor(now / bucketMs) - first + 1);
  const zeros = () => new Array<number>(count).fill(0);
  const created = zeros();
  const succeeded = zeros();
  const failed = zeros();
  const latencies: number[][] = Array.from({ length: count }, () => []);
  let finishedLastMinute = 0;
  for (const task of tasks) {
    const begin = Date.parse(task.created_at);
    add(created, Math.floor(begin / bucketMs) - first);
    if (!task.finished_at) continue;
    const end = Date.parse(task.finished_at);
    if (now - end < 60_000) finishedLastMinute++;
    const bucket = Math.floor(end / bucketMs) - first;
    if (task.status === "succeeded") add(succeeded, bucket);
    else add(failed, bucket);
    latencies[bucket]?.push(end - Math.max(begin, task.delay_until ? Date.parse(task.delay_until) : 0));
  }
  for (const bucket of latencies) bucket.sort((a, b) => a - b);
  return {
    times: Array.from({ length: count }, (_, i) => ((first + i) * bucketMs) / 1000),
    created,
    succeeded,
    failed,
    p50: latencies.map((bucket) => quantile(bucket, 0.5)),
    p95: latencies.map((bucket) => quantile(bucket, 0.95)),
    p99: latencies.map((bucket) => quantile(bucket, 0.99)),
    bucketMs,
    finishedLastMinute,
  };
}

const DAY_MS = 86_400_000;

/** Endpoints that failed tasks created within a day. `more`: older ones were not read. Pure. */
export function failedResponsesOf(tasks: readonly TaskSummary[], now: number, complete: boolean) {
  const ofDay = tasks.filter((task) => Date.parse(task.created_at) > now - DAY_MS);
  const count = ofDay.reduce((sum, task) => sum + task.completeness.failed, 0);
  return { count, more: !complete && ofDay.length === tasks.length };
}

function add(buckets: number[], at: number): void {
  if (at >= 0 && at < buckets.length) buckets[at] = buckets[at]! + 1;
}

function quantile(sorted: readonly number[], q: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;
}
