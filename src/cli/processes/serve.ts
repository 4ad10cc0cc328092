import type { Config } from "../../config/config";
import type * as Load from "../../config/loading/load";
import { describeError } from "../../describe-error";
import type * as Logs from "../../log";
import { strayErrors } from "../../manager/runners/module/stray";
import type * as Processes from "../../tasker";
import type { ProcessOptions, TaskerProcess } from "../../tasker";
import { EXIT } from "../exit-codes";
import { isClosed, reasonOf, standardStreams } from "../stdio";

/** A serving command: what it runs, and what its ready line says. */
export interface Serving {
  /** Stands in each line of the log; left out: a process that does everything. */
  process?: string;
  parts(config: Config): Pick<ProcessOptions, "api" | "recorder" | "endpoints" | "uiDir">;
  readyLine(running: TaskerProcess): string;
  onReady?(running: TaskerProcess): Promise<void>;
}

/**
 * Starts a serving process from the config of the run mode. It ends by itself (see `untilStopped`).
 */
export async function serve({ process: role, parts, readyLine, onReady }: Serving): Promise<void> {
  const { loadConfig } = require("../../config/loading/load") as typeof Load;
  const config = loadConfig();
  const wanted = parts(config);
  const { createLog } = require("../../log") as typeof Logs;
  const { startProcess } = require("../../tasker") as typeof Processes;
  const log = createLog(config.log.level, { mode: config.runMode, process: role });
  const running = await startProcess({ config, log, ...wanted });
  untilStopped(running, async () => {
    const failure = await written(`${readyLine(running)}\n`);
    if (failure !== null && !isClosed(failure)) return notReady(running, failure);
    process.send?.("ready");
    await onReady?.(running);
  });
}

/**
 * The life of a serving process: ready line → signal → drain → exit code 0. SIGINT and SIGTERM mean
 * the same; a second one ends the process at once. A ready line that cannot be written ends it; one
 * without a reader does not. An uncaught error while inline handlers run ends it with exit code 1.
 * pm2 and other parents with a channel receive "ready" and may send "shutdown".
 */
function untilStopped(running: TaskerProcess, onReady: () => Promise<void>): void {
  let requests = 0;
  let exit: number = EXIT.done;
  const stop = (): void => {
    requests++;
    if (requests === 1) process.stderr.write("stopping: finishing what runs (once more to stop now)\n");
    void running.close(requests > 1).then(
      () => process.exit(exit),
      (error: Error) => {
        process.stderr.write(`could not stop cleanly: ${error.message}\n`);
        process.exit(EXIT.unexpected);
      },
    );
    if (requests > 2) process.exit(EXIT.interrupted);
  };
  strayErrors.onUnowned((error, handlers) => {
    const names = handlers.map(({ type, task_id }) => `${type}/${task_id}`).join(", ");
    process.stderr.write(
      `an uncaught error that belongs to no known handler; inline handlers that were running: ${names || "none"}\n` +
        `${describeError(error)}\n`,
    );
    exit = EXIT.unexpected;
    if (requests === 0) stop();
  });
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("message", (message) => message === "shutdown" && stop());
  void running.ready.then(() => (requests > 0 ? undefined : onReady()));
}

/** Writes to standard output; resolves to the error, if any. */
function written(text: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(error ?? null)));
}

/** Its parent waits for the ready line, so no process is better than one that seems to hang. */
async function notReady(running: TaskerProcess, failure: NodeJS.ErrnoException): Promise<void> {
  process.stderr.write(`error: the ready line could not be written to standard output: ${reasonOf(failure)}\n`);
  await running.close(false).catch(() => {});
  await standardStreams.flush();
  process.exit(EXIT.output);
}
