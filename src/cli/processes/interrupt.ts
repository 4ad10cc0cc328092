import { EXIT } from "../exit-codes";
import { CliError } from "../failure";
import { standardStreams } from "../stdio";

/** Ctrl-C while watching: the task continues, only the watching ends. */
export class Interrupted extends CliError {
  constructor(hint: string) {
    super(EXIT.interrupted, hint);
    this.name = "Interrupted";
  }
}

/**
 * Runs work that Ctrl-C may leave. The first Ctrl-C (or SIGTERM) aborts its signal with `hint` as
 * the message; a second one ends the process. The signal is also aborted when nothing can read the
 * output any more.
 */
export async function detachable<T>(hint: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Interrupted(hint));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(AbortSignal.any([controller.signal, standardStreams.gone]));
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
