import type { Log } from "../../log";
import type { HandleTask } from "../../model/handler";

/** What every runner is made with. */
export interface RunnerOptions {
  /** Absolute folder of handler modules. */
  handlersDir: string;
  /** Grace between telling an attempt to stop and killing it. */
  graceMs: number;
  /** Largest result, bytes of JSON. */
  maxResultBytes: number;
  /** Output beyond this is not handed to `hooks.log` any more, bytes for each attempt. */
  maxLogBytes: number;
  log: Log;
}

export interface CreateRunnerOptions extends Omit<RunnerOptions, "maxLogBytes"> {
  maxLogBytes?: number;
  /** The job that this runner performs, for a type with `jobs`; else null. */
  job: string | null;
  /** Handlers given as functions, by handler name; they run inline, in the caller's own process. */
  functions?: Record<string, HandleTask>;
}
