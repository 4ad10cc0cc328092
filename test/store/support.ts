import { newId } from "../../src/model/ids";
import type { NewTask } from "../../src/model/task";
import type { AttemptEnd, ClaimAnswer, EndedResponse, ManagerRegistration, Store } from "../../src/store/store";
import { until } from "../support/until";

let counter = 0;
export const fresh = (prefix: string): string => `${prefix}-${process.pid}-${++counter}`;

export function newTask(more: Partial<NewTask> = {}): NewTask {
  return {
    id: newId(),
    type: "app-update",
    identifier: fresh("identifier"),
    bodyHash: "0".repeat(64),
    payload: '{"foo":"bar"}',
    deliver: "each",
    endpoints: ["lb-1"],
    jobs: [""],
    attempts: 3,
    timeoutMs: 60_000,
    waitMs: 30_000,
    expiresMs: null,
    priority: 0,
    delayUntil: null,
    runKey: null,
    traceparent: null,
    createdBy: null,
    ...more,
  };
}

export async function createdTask(store: Store, more: Partial<NewTask> = {}): Promise<NewTask> {
  const task = newTask(more);
  const [outcome] = await store.tasks.create([task]);
  if (outcome?.kind !== "created") throw new Error(`not created: ${JSON.stringify(outcome)}`);
  return task;
}

export type Granted = Extract<ClaimAnswer, { granted: true }>;

export async function claimed(
  store: Store,
  taskId: string,
  more: { endpoint?: string; job?: string; manager?: string } = {},
): Promise<Granted> {
  const [answer] = await store.managers.claim(more.manager ?? (await living(store)), more.endpoint ?? "lb-1", [
    { taskId, job: more.job ?? "" },
  ]);
  if (!answer?.granted) throw new Error(`not granted: ${JSON.stringify(answer)}`);
  return answer;
}

export function endOf(grant: Granted, more: Partial<AttemptEnd> = {}): AttemptEnd {
  const { taskId, endpoint, job, leaseId, generation, attempt } = grant;
  return {
    ...{ taskId, endpoint, job, leaseId, generation, attempt },
    status: "succeeded",
    reason: null,
    error: null,
    result: '{"done":true}',
    resultText: null,
    ...more,
  };
}

/** What the reconciler would say of the lease if its manager were gone. */
export async function lostOf(
  store: Store,
  { taskId, endpoint, job, leaseId }: Granted,
  more: { reason?: string } = {},
) {
  const rows = await store.tasks.response(taskId, endpoint);
  const { version } = rows.find((row) => row.job === job)!;
  return { taskId, endpoint, job, leaseId, version, reason: "crash", error: "the manager is gone", ...more };
}

export function registration(more: Partial<ManagerRegistration> = {}): ManagerRegistration {
  return {
    id: newId(),
    endpoint: fresh("endpoint"),
    labels: {},
    types: [],
    version: "1.0.0",
    host: "host-a",
    pid: 1,
    slot: "0",
    ttlMs: 30_000,
    ...more,
  };
}

/** The id of a manager that has just registered, somewhere. */
export async function living(store: Store, more: Partial<ManagerRegistration> = {}): Promise<string> {
  const manager = registration(more);
  await store.managers.register(manager);
  return manager.id;
}

/** The only response of a task, whole. */
export async function rowOf(store: Store, task: NewTask, endpoint?: string) {
  const found = await store.tasks.find(task.type, task.id);
  const rows = found!.responses.filter((row) => endpoint === undefined || row.endpoint === endpoint);
  if (rows.length !== 1) throw new Error(`${rows.length} rows`);
  return rows[0]!;
}

let old = 0;
/** As made in 2001, each after the one before; the generator never goes back. */
export const oldId = () => `00e3b4b6-c800-7${(old++).toString(16).padStart(3, "0")}${newId().slice(18)}`;

export const PAST = "2001-01-01 00:00:00.000";

/** From where the feed of changes ends now. */
export async function feedPosition(store: Store): Promise<string> {
  return (await store.maintenance.ended(null, 1)).position;
}

/** Those of these tasks that have ended behind the position, once there are so many. */
export async function endedOf(store: Store, position: string, taskIds: readonly string[], count: number) {
  let found: EndedResponse[] = [];
  await until("the ends", async () => {
    found = [];
    for (let at = position, more = true; more; ) {
      const page = await store.maintenance.ended(at, 500);
      found.push(...page.responses.filter(({ taskId }) => taskIds.includes(taskId)));
      ({ position: at, more } = page);
    }
    return found.length >= count;
  });
  return found;
}

/** Those of this task that want the reconciler's attention. */
export async function dueOf(store: Store, taskId: string) {
  return (await store.maintenance.due(100_000)).filter((row) => row.taskId === taskId);
}
