import { describeError } from "../../describe-error";
import { onUntold } from "../../manager/runners/module/stray";
import type { TaskerProcess } from "../../tasker";
import { EXIT } from "../exit-codes";
import { flushOutput, isClosed, reasonOf } from "../stdio";

/**
 * The life of a serving process: ready line → signal → drain → exit 0. A ready line that cannot be written ends it; one that
 * nobody reads does not. SIGINT and SIGTERM alike; a second one ends it now.
 * An error that nobody caught, among handlers that run inline, ends it likewise, with exit code 1.
 * pm2 and other parents with a channel are told "ready", and may ask with the message "shutdown".
 */
export function serve(running: TaskerProcess, readyLine: () => string, onReady?: () => Promise<void>): void {
  let asked = 0;
  let exit: number = EXIT.done;
  const stop = (): void => {
    asked++;
    if (asked === 1) process.stderr.write("stopping: finishing what runs (once more to stop now)\n");
    void running.close(asked > 1).then(
      () => process.exit(exit),
      (error: Error) => {
        process.stderr.write(`could not stop cleanly: ${error.message}\n`);
        process.exit(1);
      },
    );
    if (asked > 2) process.exit(130);
  };
  onUntold((error, handlers) => {
    const names = handlers.map(({ type, task_id }) => `${type}/${task_id}`).join(", ");
    process.stderr.write(
      `an error that nobody caught, and no telling whose it is; inline handlers that were running: ${names || "none"}\n` +
        `${describeError(error)}\n`,
    );
    exit = EXIT.unexpected;
    if (asked === 0) stop();
  });
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("message", (message) => message === "shutdown" && stop());
  void running.ready.then(async () => {
    if (asked > 0) return;
    const failure = await written(`${readyLine()}\n`);
    if (failure !== null && !isClosed(failure)) return notReady(running, failure);
    process.send?.("ready");
    await onReady?.();
  });
}

/** Writes to standard output; resolves with what went wrong. */
function written(text: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => process.stdout.write(text, (error) => resolve(error ?? null)));
}

/** Whoever started it waits for its ready line: better no process than one that seems to hang. */
async function notReady(running: TaskerProcess, failure: NodeJS.ErrnoException): Promise<void> {
  process.stderr.write(`error: the ready line could not be written to standard output: ${reasonOf(failure)}\n`);
  await running.close(false).catch(() => {});
  await flushOutput();
  process.exit(EXIT.output);
}
