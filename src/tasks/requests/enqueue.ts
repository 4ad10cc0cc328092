import { TaskerError } from "../../errors";
import { newId } from "../../model/ids";
import { isName } from "../../model/names";
import { checked, submitBody } from "./request";

/**
 * Anything that runs a statement inside your transaction: TypeORM's EntityManager or QueryRunner, a
 * mysql2 connection (promise or callback flavour), a better-sqlite3-like wrapper with `query`.
 */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: the shapes of these drivers differ in everything but this
  query(sql: string, params?: any, callback?: any): unknown;
}

export interface EnqueueRequest {
  type: string;
  identifier: string;
  payload?: Record<string, unknown>;
  endpoints?: string[];
  delay_until?: string;
  attempts?: number;
  timeout?: string;
  wait_for_endpoints_timeout?: string;
  priority?: number;
}

const INSERT = "INSERT INTO task_requests (id, type, identifier, body) VALUES (?, ?, ?, ?)";

/**
 * Puts a request for a task into the inbox with the caller's own transaction. It becomes a task
 * within a second of the commit, and never if the transaction rolls back. The returned id is the
 * task's.
 *
 * Rejects with TaskerError `invalid_request` before anything is written. What only the API can know
 * (an unknown type, a payload that its schema refuses, an identifier that is taken) stands in the
 * row's column `problem` afterwards.
 */
export async function enqueue(within: Queryable, request: EnqueueRequest): Promise<{ id: string }> {
  const { type, ...body } = request;
  if (!isName(type)) {
    throw new TaskerError("invalid_request", `${JSON.stringify(type)} is not a task type's name`, {
      errors: [{ pointer: "#/type", detail: "must match ^[a-z0-9][a-z0-9._-]{0,62}$" }],
    });
  }
  const { identifier, ...rest } = checked(submitBody, body, "The request");
  const id = newId();
  await run(within, [id, type, identifier, JSON.stringify(rest)]);
  return { id };
}

/**
 * mysql2's callback flavour is told by its third parameter; everything else answers with a promise.
 */
async function run(within: Queryable, params: string[]): Promise<void> {
  if (within.query.length < 3) {
    await within.query(INSERT, params);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    within.query(INSERT, params, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
