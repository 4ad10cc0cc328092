import { type Task, type TaskerClient, TaskerUnreachable, type TaskResponse } from "../../client";
import type { Output } from "../output";
import { detachable } from "../processes/interrupt";
import { type Ref, refText } from "../reference";
import { Progress } from "./progress";
import { RESPONSE_COLUMNS, responseRow, standing } from "./rows";

export interface FollowOptions {
  /** Milliseconds. Default: until the task is settled. */
  timeoutMs?: number;
  /** Ends the watching. @default settled */
  until?(task: Task): boolean;
}

/** Watches a task and shows its progress on standard error. Returns its last state. */
export async function follow(client: TaskerClient, out: Output, ref: Ref, options: FollowOptions = {}): Promise<Task> {
  const progress = new Progress(out);
  const until = options.until ?? ((task: Task) => task.settled);
  const again = `Watch it again with: tasker status ${refText(ref)} --watch`;
  try {
    return await detachable(`Stopped watching; the task continues. ${again}`, async (signal) => {
      const over =
        options.timeoutMs === undefined ? null : AbortSignal.timeout(Math.min(options.timeoutMs, 2 ** 31 - 1));
      let latest: Task | null = null;
      try {
        const both = over ? AbortSignal.any([signal, over]) : signal;
        for await (const task of client.watch(ref.type, ref.id, { signal: both, until: "complete" })) {
          latest = task;
          progress.show(task);
          if (until(task)) break;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!over?.aborted) throw error;
      }
      return latest ?? client.get(ref.type, ref.id, { signal });
    });
  } catch (error) {
    progress.clear();
    if (error instanceof TaskerUnreachable) out.say(`The server was lost; the task is stored there. ${again}`);
    throw error;
  } finally {
    progress.clear();
  }
}

/** Shows the task: on a terminal its status and one line for each endpoint. */
export async function showTask(client: TaskerClient, out: Output, task: Task): Promise<void> {
  const responses = out.plain ? await allResponses(client, task) : task.responses;
  out.result({
    json: task,
    ids: [task.id],
    head: [`${refText(task)}  ${task.status}: ${standing(task)}`],
    columns: RESPONSE_COLUMNS,
    rows: responses.map(responseRow),
  });
}

/** All responses of a task, which carries at most 100 itself. */
export async function allResponses(client: TaskerClient, task: Task): Promise<TaskResponse[]> {
  if (task.responses_link === undefined) return task.responses;
  const all: TaskResponse[] = [];
  for await (const response of client.responses(task.type, task.id)) all.push(response);
  return all;
}
