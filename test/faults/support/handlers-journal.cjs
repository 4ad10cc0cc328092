/**
 * The handler of the fault tests: does what the payload says and writes down, fsynced, what it really did. The journal is the
 * ground truth about executions; the database is never its own witness.
 *
 * payload: { ms?: time to take, fail?: throw, exit?: end the process with this code, block?: ms to block the event loop }
 */
const { openSync, writeSync, fsyncSync } = require("node:fs");

const file = openSync(process.env.TASKER_TEST_JOURNAL, "a");

function write(what, context) {
  const { taskId, endpoint, attempt } = context;
  writeSync(file, `${what} ${taskId} ${endpoint} ${attempt} ${process.pid} ${Date.now()}\n`);
  fsyncSync(file);
}

exports.handleTask = async (payload, context) => {
  write("start", context);
  if (payload.exit !== undefined) process.exit(payload.exit);
  if (payload.block) for (const end = Date.now() + payload.block; Date.now() < end; );
  if (payload.ms) await pause(payload.ms, context.signal);
  if (payload.fail) throw new Error("told to fail");
  write("end", context);
  return { endpoint: context.endpoint, attempt: context.attempt };
};

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
