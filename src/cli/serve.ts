import type { TaskerProcess } from "../tasker";

/**
 * The life of a serving process: ready line → signal → drain → exit 0. SIGINT and SIGTERM alike; a second one ends it now.
 * pm2 and other parents with a channel are told "ready", and may ask with the message "shutdown".
 */
export function serve(running: TaskerProcess, readyLine: () => string, onReady?: () => Promise<void>): void {
  let asked = 0;
  const stop = (): void => {
    asked++;
    if (asked === 1) process.stderr.write("stopping: finishing what runs (once more to stop now)\n");
    void running.close(asked > 1).then(
      () => process.exit(0),
      (error: Error) => {
        process.stderr.write(`could not stop cleanly: ${error.message}\n`);
        process.exit(1);
      },
    );
    if (asked > 2) process.exit(130);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("message", (message) => message === "shutdown" && stop());
  void running.ready.then(async () => {
    if (asked > 0) return;
    process.stdout.write(`${readyLine()}\n`);
    process.send?.("ready");
    await onReady?.();
  });
}
