import type { TaskerClient } from "../client";
import { TaskerProblem } from "../client";
import { EXIT } from "./exit-codes";
import { CliError, usage } from "./failure";

/** How a task is named on the command line, and how it is found. */

export interface Ref {
  type: string;
  id: string;
}

export const TASK_ARGUMENT = "type/id, type/identifier, the first 8 or more digits of an id, or a single_run type";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID_BEGINNING = /^[0-9a-f]{8}[0-9a-f-]{0,28}$/;
/** Most tasks that are read to find one by the beginning of its id. */
const MAX_CANDIDATES = 1000;

/** `app-update/0191…`, the form that every command accepts and prints. */
export function refText(task: Ref): string {
  return `${task.type}/${task.id}`;
}

/** The task that a text means. Throws CliError (not found, ambiguous) and the client's errors. */
export async function resolveTask(client: TaskerClient, text: string): Promise<Ref> {
  const path = text
    .trim()
    .replace(/^https?:\/\/[^/]+/, "")
    .replace(/^\/+/, "");
  if (path === "") throw usage("No task is named", TASK_ARGUMENT);
  const slash = path.indexOf("/");
  if (slash > 0) {
    const [type, rest] = [path.slice(0, slash), path.slice(slash + 1)];
    if (ID.test(rest) && (await exists(client, type, rest))) return { type, id: rest };
    // A customer's own identifier is often a UUID as well.
    const { items } = await client.listPage({ type, identifier: rest, limit: 2 });
    return only(text, [...items, ...(ID.test(rest) ? [] : await byBeginning(client, rest, type))]);
  }
  return ID_BEGINNING.test(path) ? only(text, await byBeginning(client, path)) : currentRun(client, path);
}

async function exists(client: TaskerClient, type: string, id: string): Promise<boolean> {
  return client.get(type, id).then(
    () => true,
    (error: unknown) => {
      if (error instanceof TaskerProblem && error.code === "task_not_found") return false;
      throw error;
    },
  );
}

/** An id begins with the time of its creation, so its beginning is a range of times. */
async function byBeginning(client: TaskerClient, text: string, type?: string): Promise<Ref[]> {
  if (!ID_BEGINNING.test(text)) return [];
  const digits = text.replace(/-/g, "").slice(0, 12);
  const first = Number.parseInt(digits.padEnd(12, "0"), 16);
  const last = Number.parseInt(digits.padEnd(12, "f"), 16);
  const [created_after, created_before] = [new Date(first).toISOString(), new Date(last + 1).toISOString()];
  const matches: Ref[] = [];
  let seen = 0;
  for await (const task of client.list({ type, created_after, created_before, limit: 100 })) {
    if (task.id.startsWith(text)) matches.push(task);
    if (matches.length > 1 || ++seen >= MAX_CANDIDATES) break;
  }
  return matches;
}

async function currentRun(client: TaskerClient, type: string): Promise<Ref> {
  try {
    return { type, id: (await client.status(type)).id };
  } catch (error) {
    if (error instanceof TaskerProblem && error.code === "route_not_found") {
      throw usage(`${JSON.stringify(type)} is a type, not a task`, `name a task: ${TASK_ARGUMENT}`);
    }
    throw error;
  }
}

function only(text: string, candidates: readonly Ref[]): Ref {
  const [first] = candidates;
  if (!first)
    throw new CliError(
      EXIT.notFound,
      `There is no task ${JSON.stringify(text)}`,
      "`tasker list` shows the newest tasks",
    );
  if (candidates.every((task) => task.id === first.id)) return { type: first.type, id: first.id };
  const some = candidates.slice(0, 2).map(refText).join(", ");
  throw usage(`${JSON.stringify(text)} means more than one task: ${some} …`, "give more of the id");
}
