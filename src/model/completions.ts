import type { ResponseStatus } from "./response";
import type { TaskStatus } from "./task";

/** Times are the database's, in seconds since the task's creation or its `delay_until`. */
export interface Completions {
  /** Tasks that have become complete; again after an operator's retry. */
  tasks: Array<{ id: string; type: string; status: TaskStatus; seconds: number }>;
  /** Responses that have become final. `deliverySeconds`: until its endpoint had it; null: it never did. */
  responses: Array<{ type: string; endpoint: string; status: ResponseStatus; deliverySeconds: number | null }>;
}
