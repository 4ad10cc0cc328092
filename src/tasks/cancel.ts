import { TaskerError } from "../errors";
import { isFinal, type ResponseRecord } from "../model/response";
import type { CancelOutcome, ResponseBrief, Store } from "../store/store";
import type { Reconciler } from "./reconcile/reconcile";
import type { Cancelled, CancelOptions, CancelResult, TaskReading } from "./service";
import type { Waiters } from "./wait";

interface CancelParts {
  store: Pick<Store, "tasks">;
  waiters: Waiters;
  reconciler: Reconciler;
  read(): Promise<TaskReading<ResponseRecord>>;
}

/** Cancels a task, everywhere or at some endpoints. With `ms` waits until what runs has stopped. */
export async function cancelTask(
  task: { id: string },
  { store, waiters, reconciler, read }: CancelParts,
  { endpoints, ms, signal }: CancelOptions,
): Promise<Cancelled> {
  if (endpoints) {
    const expected = await read();
    for (const endpoint of endpoints) rowsAt(expected, endpoint);
  }
  const outcomes = (await store.tasks.cancel(task.id, endpoints)) ?? [];
  reconciler.nudge();
  const stopping = new Set(outcomes.filter(({ outcome }) => outcome === "stopping").map(keyText));
  if (ms && stopping.size > 0) {
    const ended = ({ responses }: TaskReading<ResponseBrief>) =>
      responses.every((row) => !stopping.has(keyText(row)) || isFinal(row.status));
    await waiters.wait(task.id, ms, ended, signal);
  }
  const reading = await read();
  return { outcomes: ms ? afterWait(outcomes, reading.responses) : outcomes, reading };
}

/** The rows of the endpoint; a `deliver: one` row is where it was taken. Throws for none. */
export function rowsAt(reading: TaskReading<ResponseRecord>, endpoint: string): ResponseRecord[] {
  const rows = reading.responses.filter(
    (row) => (row.performer ?? row.endpoint) === endpoint || row.endpoint === endpoint,
  );
  if (rows.length > 0) return rows;
  throw new TaskerError("endpoint_not_found", `The task does not expect an endpoint ${endpoint}`);
}

/** The outcomes of stopping responses. One that ended before its stop signal is `finished`. */
function afterWait(outcomes: readonly CancelOutcome[], rows: readonly ResponseRecord[]): CancelResult[] {
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
