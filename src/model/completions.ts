import type { ResponseStatus } from "./response";
import type { TaskStatus } from "./task";

/** Seconds by the database's clock, from the task's creation or its `delay_until`. */
export interface Completions {
  /** Tasks that have become complete; a retried task becomes complete again. */
  tasks: Array<{ id: string; type: string; status: TaskStatus; seconds: number }>;
  /** Responses that have become final. `deliverySeconds`: until received; null: never received. */
  responses: Array<{ type: string; endpoint: string; status: ResponseStatus; deliverySeconds: number | null }>;
}
