import type { Task, TaskerClient, TaskSummary } from "../client";
import { TaskerProblem } from "../client";
import { EXIT } from "./exit-codes";
import { CliError, usage } from "./failure";

/** How a task is named on the command line, and how it is found. */

export interface Ref {
  type: string;
  id: string;
}

export const TASK_ARGUMENT =
  "type/id, type/identifier, an id or its beginning (8 digits or more), or a single_run type";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID_BEGINNING = /^[0-9a-f]{8}[0-9a-f-]{0,28}$/;
/** So many candidates are looked at for the beginning of an id. */
const MAX_CANDIDATES = 1000;

/** `app-update/0191…`: what every command takes and prints. */
export function refText(task: Ref): string {
  return `${task.type}/${task.id}`;
}

/** Text of the command line → the task it means. Throws CliError (not found, ambiguous) and the client's errors. */
export async function resolveTask(client: TaskerClient, text: string, signal?: AbortSignal): Promise<Ref> {
  const path = text
    .trim()
    .replace(/^https?:\/\/[^/]+/, "")
    .replace(/^\/+/, "");
  if (path === "") throw usage("No task is named", TASK_ARGUMENT);
  const slash = path.indexOf("/");
  if (slash > 0) {
    const [type, rest] = [path.slice(0, slash), path.slice(slash + 1)];
    if (ID.test(rest)) return byIdOrIdentifier(client, text, type, rest, signal);
    return found(text, await byIdentifier(client, type, rest, signal), await byBeginning(client, rest, type, signal));
  }
  if (ID_BEGINNING.test(path)) return found(text, [], await byBeginning(client, path, undefined, signal));
  return currentRun(client, path, signal);
}

/** A customer's own identifier is often a UUID as well. */
async function byIdOrIdentifier(
  client: TaskerClient,
  text: string,
  type: string,
  id: string,
  signal?: AbortSignal,
): Promise<Ref> {
  try {
    await client.get(type, id, { signal });
    return { type, id };
  } catch (error) {
    if (!(error instanceof TaskerProblem && error.code === "task_not_found")) throw error;
    return found(text, await byIdentifier(client, type, id, signal));
  }
}

async function byIdentifier(
  client: TaskerClient,
  type: string,
  identifier: string,
  signal?: AbortSignal,
): Promise<Ref[]> {
  const page = await client.listPage({ type, identifier, limit: 2 }, { signal });
  return page.items;
}

/** An id begins with the milliseconds of its creation: its beginning is a span of time, and lists can be asked for that. */
async function byBeginning(
  client: TaskerClient,
  text: string,
  type: string | undefined,
  signal?: AbortSignal,
): Promise<Ref[]> {
  if (!ID_BEGINNING.test(text)) return [];
  const digits = text.replace(/-/g, "").slice(0, 12);
  const first = Number.parseInt(digits.padEnd(12, "0"), 16);
  const last = Number.parseInt(digits.padEnd(12, "f"), 16);
  const filter = {
    type,
    created_after: new Date(first).toISOString(),
    created_before: new Date(last + 1).toISOString(),
    limit: 100,
  };
  const matches: TaskSummary[] = [];
  let seen = 0;
  for await (const task of client.list(filter, { signal })) {
    if (task.id.startsWith(text)) matches.push(task);
    if (matches.length > 1 || ++seen >= MAX_CANDIDATES) break;
  }
  return matches;
}

async function currentRun(client: TaskerClient, type: string, signal?: AbortSignal): Promise<Ref> {
  try {
    const task: Task = await client.status(type, { signal });
    return { type, id: task.id };
  } catch (error) {
    if (error instanceof TaskerProblem && error.code === "route_not_found") {
      throw usage(`${JSON.stringify(type)} is a type, not a task`, `name a task: ${TASK_ARGUMENT}`);
    }
    throw error;
  }
}

function found(text: string, ...candidates: Ref[][]): Ref {
  const all = candidates.flat();
  const [only] = all;
  if (only && all.every((task) => task.id === only.id)) return { type: only.type, id: only.id };
  if (only) {
    throw usage(
      `${JSON.stringify(text)} means more than one task: ${all.slice(0, 2).map(refText).join(", ")} …`,
      "give more of the id",
    );
  }
  throw new CliError(EXIT.notFound, `There is no task ${JSON.stringify(text)}`, "`tasker list` shows the newest tasks");
}
