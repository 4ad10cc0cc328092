import { TaskerError } from "../../errors";
import { newId } from "../../model/ids";
import { isName } from "../../model/names";
import { checked, submitBody } from "./request";

/**
 * Runs a statement in your transaction: TypeORM's EntityManager or QueryRunner, a mysql2 connection
 * (promises or callbacks), or a wrapper with `query`.
 */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: the drivers agree on nothing else
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
 * Inserts a request for a task into the inbox in your transaction. Within a second of the commit it
 * becomes a task with the returned id; after a rollback it does not.
 *
 * Rejects with TaskerError `invalid_request` before it writes. Faults that only the API finds (an
 * unknown type, a payload against the schema, a taken identifier) are stored in the column
 * `problem`.
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

/** mysql2 with callbacks has a third parameter; the others return promises. */
async function run(within: Queryable, params: string[]): Promise<void> {
  if (within.query.length < 3) {
    await within.query(INSERT, params);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    within.query(INSERT, params, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
