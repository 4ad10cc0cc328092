import { TaskerError } from "../errors";
import { isFinal, type ResponseRecord } from "../model/response";
import type { CancelOutcome, ResponseBrief, TaskStore } from "../store/store";
import type { Cancelled, CancelOptions, CancelResult, TaskReading } from "./service";
import type { Waiters } from "./wait";

interface CancelParts {
  store: TaskStore;
  waiters: Waiters;
  /** Has the reconciler look at once. */
  nudge(): void;
  read(): Promise<TaskReading<ResponseRecord>>;
}

/** Cancels a task that exists, everywhere or at some endpoints, and waits for what was told to stop where that is asked for. */
export async function cancelTask(
  task: { id: string },
  parts: CancelParts,
  { endpoints, ms, signal }: CancelOptions,
): Promise<Cancelled> {
  if (endpoints) assertExpected(await parts.read(), endpoints);
  const outcomes = await parts.store.cancel(task.id, endpoints);
  parts.nudge();
  const stopping = new Set((outcomes ?? []).filter(({ outcome }) => outcome === "stopping").map(keyText));
  if (ms && stopping.size > 0) {
    const ended = ({ responses }: TaskReading<ResponseBrief>) =>
      responses.every((row) => !stopping.has(keyText(row)) || isFinal(row.status));
    await parts.waiters.wait(task.id, ms, ended, signal);
  }
  const reading = await parts.read();
  return { outcomes: ms ? told(outcomes ?? [], reading.responses) : (outcomes ?? []), reading };
}

/** The rows of the named endpoint; a `deliver: one` row is at the endpoint that took it. Throws where there is none. */
export function rowsAt(reading: TaskReading<ResponseRecord>, endpoint: string): ResponseRecord[] {
  const rows = reading.responses.filter(
    (row) => (row.performer ?? row.endpoint) === endpoint || row.endpoint === endpoint,
  );
  if (rows.length > 0) return rows;
  throw new TaskerError("endpoint_not_found", `The task does not expect an endpoint ${endpoint}`);
}

function assertExpected(reading: TaskReading<ResponseRecord>, endpoints: readonly string[]): void {
  for (const endpoint of endpoints) rowsAt(reading, endpoint);
}

/** What has become of those that were told to stop. One that ended by itself before it heard of it had finished already. */
function told(outcomes: readonly CancelOutcome[], rows: readonly ResponseRecord[]): CancelResult[] {
  const now = new Map(rows.map((row) => [keyText(row), row]));
  return outcomes.map((outcome): CancelResult => {
    const row = now.get(keyText(outcome));
    if (outcome.outcome !== "stopping" || !row || !isFinal(row.status)) return outcome;
    const { status, reason } = row;
    if (status !== "cancelled") return { ...outcome, outcome: "finished", status };
    return { ...outcome, outcome: reason === "killed" ? "killed" : "stopped", status };
  });
}

function keyText({ endpoint, job }: { endpoint: string; job: string }): string {
  return `${endpoint}/${job}`;
}
