const fs = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");

/**
 * Waits until a server that we have just started is ready. Rejects with the end of its log when it exits or takes too long
 * (then it is killed).
 *
 * @param {import("node:child_process").ChildProcess} child
 * @param {{ what: string, log: string, from?: number, deadlineMs: number, isReady: () => boolean | Promise<boolean> }} how
 *   `from`: where in the log this start begins, in bytes
 */
async function untilReady(child, { what, log, from = 0, deadlineMs, isReady }) {
  let failure = null;
  child.on("error", (error) => {
    failure = error.message;
  });
  child.on("exit", (code, signal) => {
    failure ??= `it ended with ${signal ?? `code ${code}`}`;
  });
  const deadline = Date.now() + deadlineMs;
  while (!(await isReady())) {
    if (failure === null && Date.now() > deadline) {
      failure = `it was not ready after ${deadlineMs / 1000} seconds`;
      child.kill("SIGKILL");
    }
    if (failure !== null) throw new Error(`${what} did not start: ${failure}. The end of its log:\n${tail(log, from)}`);
    await sleep(50);
  }
  child.removeAllListeners("exit");
}

function tail(log, from) {
  try {
    return fs.readFileSync(log, "utf8").slice(from).trim().split("\n").slice(-15).join("\n");
  } catch {
    return "(none)";
  }
}

module.exports = { untilReady };
