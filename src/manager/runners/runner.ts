import type { SubmitRequest } from "../../model/handler";
import type { Grant } from "../../store/store";
import type { Stop } from "./stop";

/**
 * What performs an attempt: a module (in a child process or inline), a command, or an HTTP call.
 * One runner for each type and manager; it may run several attempts at once. It asks nothing of
 * store or broker, and does nothing with the lease.
 *
 * Contract:
 *  - `run` never rejects and always comes back: within `timeoutMs`, plus the grace time in which
 *    what does not listen is killed.
 *  - After it has come back nothing of the attempt runs any more: no child, no process group, no
 *    socket.
 *  - When `stop` says so, the attempt is asked to end (handler's signal, SIGTERM), and killed after
 *    `graceMs`.
 */
export interface Runner {
  run(grant: Grant, hooks: RunHooks): Promise<RunResult>;
  /** Ends idle children; called after every `run` has come back. */
  close(): Promise<void>;
}

/**
 * The same for every attempt of a response: by the row's own key it stays when another endpoint
 * takes the next attempt.
 */
export function idempotencyKeyOf({ taskId, endpoint, job }: Grant): string {
  return job === "" ? `${taskId}:${endpoint}` : `${taskId}:${endpoint}:${job}`;
}

export interface RunHooks {
  stop: Stop;
  progress(fraction: number, message: string | null): void;
  /** Output and log lines as they come; `text` ends with a newline. */
  log(text: string): void;
  submit(type: string, request: SubmitRequest): Promise<{ id: string }>;
}

export type RunResult =
  | { kind: "succeeded"; result: string | null; resultText: string | null }
  /**
   * `permanent`: no further attempt would help, or it would do harm. `result` is kept where there
   * is one (an HTTP answer, a command's output). `retryAfterMs`: the pause that what was called
   * asks for.
   */
  | {
      kind: "failed";
      reason: string;
      error: string;
      permanent: boolean;
      result: string | null;
      resultText: string | null;
      retryAfterMs?: number;
    }
  /**
   * It ended because of `stop`: not a failure of the attempt. `killed`: it did not end by itself.
   */
  | { kind: "stopped"; killed: boolean };
