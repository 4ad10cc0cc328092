import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "./client";
import type { Bound } from "./report";
import type { JournalEntry, Scenario } from "./scene";

/** Invariant I8: the throughput is back so soon after the heal, at so much of what it was before the fault. */
const SETTLED_MS = 15_000;
const WINDOW_MS = 5_000;
const LEAST_PERCENT = 90;

/**
 * How long what a fault had interrupted at an endpoint waited to be run again, counted from `since` (milliseconds since 1970):
 * the longest of all executions that were under way then or had been ended with their manager.
 */
export function resumed(stage: Scenario, endpoint: string, since: number, most: number): Bound {
  const journal = stage.journal().filter((entry) => entry.endpoint === endpoint);
  const key = ({ taskId, attempt }: JournalEntry) => `${taskId} ${attempt}`;
  const endedBefore = new Set(journal.filter(({ what, at }) => what === "end" && at <= since).map(key));
  const starts = journal.filter(({ what }) => what === "start");
  const waits = starts
    .filter((start) => start.at <= since && !endedBefore.has(key(start)))
    .map(({ taskId, attempt }) => starts.find((one) => one.taskId === taskId && one.attempt > attempt))
    .map((again) => (again ? again.at - since : 0));
  return { what: "interrupted work runs again after", value: Math.max(0, ...waits) / 1000, most };
}

/** When an endpoint began the first execution after the last heal. */
export function flowsAgain(stage: Scenario, endpoint: string, most: number): Bound {
  const { healedAt } = stage;
  const first = stage
    .journal()
    .find((entry) => entry.endpoint === endpoint && entry.what === "start" && entry.at >= healedAt);
  return { what: "work runs again after", value: ((first?.at ?? healedAt) - healedAt) / 1000, most };
}

/** The longest time from a task's acceptance to the begin of its last attempt at an endpoint. */
export function longestWait(stage: Scenario, client: Client, most: number): Bound {
  const begins = new Map(stage.journal().flatMap(({ what, taskId, at }) => (what === "start" ? [[taskId, at]] : [])));
  const waits = client.accepted.map(({ taskId, at }) => (begins.get(taskId!) ?? at) - at);
  return { what: "every task begun within", value: Math.max(0, ...waits) / 1000, most };
}

/** Executions that came to their end, a second. */
export function throughput(stage: Scenario, from: number, to: number): number {
  const ends = stage.journal().filter(({ what, at }) => what === "end" && at >= from && at < to);
  return ends.length / ((to - from) / 1000);
}

/** Waits under load until the heal is 20 s ago; then the throughput of the last 5 s, in percent of `before` (a second). */
export async function throughputAgain(stage: Scenario, before: number): Promise<Bound> {
  const from = stage.healedAt + SETTLED_MS;
  await sleep(Math.max(0, from + WINDOW_MS - Date.now()));
  const after = throughput(stage, from, from + WINDOW_MS);
  return { what: "throughput after 15 s", value: (100 * after) / before, least: LEAST_PERCENT, unit: "%" };
}

/** The longest time for which one of the programs had no connection to the broker since `from`, by its own log. */
export function longestWithoutBroker(stage: Scenario, from: number, most: number): Bound {
  let longest = 0;
  for (const { logFile, logged } of stage.programs.map((one) => ({
    logFile: one.logFile,
    logged: one.logged("onnect"),
  }))) {
    const lost = new Map<string, number>();
    for (const line of logged) {
      const { time, msg = "", connection } = entryOf(line);
      if (!connection || time < from) continue;
      const key = `${logFile} ${connection}`;
      if (msg.startsWith("No connection")) lost.set(key, lost.get(key) ?? time);
      if (msg.startsWith("Connected") && lost.has(key)) {
        longest = Math.max(longest, time - lost.get(key)!);
        lost.delete(key);
      }
    }
  }
  return { what: "connected again after", value: longest / 1000, most };
}

function entryOf(line: string): { time: number; msg?: string; connection?: string } {
  try {
    const { time, ...rest } = JSON.parse(line);
    return { time: typeof time === "number" ? time : Date.parse(time), ...rest };
  } catch {
    return { time: 0 };
  }
}
