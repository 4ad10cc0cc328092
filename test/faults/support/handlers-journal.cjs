/**
 * The handler of the fault tests: does what the payload says and writes down, fsynced, what it really did. The journal is the
 * ground truth about executions; the database is never its own witness.
 *
 * payload: { orphaned?: make the file `<journal>.begun` and block the event loop in the first attempt until the manager is
 *   gone, ms?: time to take, deaf?: do not listen to the signal, fail?: throw, failFirst?: throw in the first attempt, exit?: end the process with this code,
 *   signal?: end it by this signal, oom?: allocate until it dies, block?: ms to block the event loop, result?: what to
 *   return (a name below) }
 *
 * Each line ends with the process's parent: its manager, or another one if that is gone.
 */
const { openSync, writeFileSync, writeSync, fsyncSync } = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");

const file = openSync(process.env.TASKER_TEST_JOURNAL, "a");

function write(what, context) {
  const { taskId, endpoint, attempt } = context;
  writeSync(file, `${what} ${taskId} ${endpoint} ${attempt} ${process.pid} ${Date.now()} ${process.ppid}\n`);
  fsyncSync(file);
}

const RESULTS = {
  huge: () => ({ text: "x".repeat(50 * 1024 * 1024) }),
  odd: () => ({ text: "nul \0 lone \ud800 emoji 😀 \u2028", big: 2 ** 60 }),
};

exports.handleTask = async (payload, context) => {
  if (payload.orphaned && context.attempt === 1) {
    writeFileSync(`${process.env.TASKER_TEST_JOURNAL}.begun`, "");
    for (const manager = process.ppid; process.ppid === manager; );
  }
  write("start", context);
  if (payload.exit !== undefined) process.exit(payload.exit);
  if (payload.signal) process.kill(process.pid, payload.signal);
  if (payload.oom) for (const all = []; ; ) all.push(new Array(1e6).fill(Math.random()));
  if (payload.block) for (const end = performance.now() + payload.block; performance.now() < end; );
  if (payload.ms) await sleep(payload.ms, null, payload.deaf ? {} : { signal: context.signal });
  if (payload.fail || (payload.failFirst && context.attempt === 1)) throw new Error("told to fail");
  write("end", context);
  if (payload.result) return RESULTS[payload.result]();
  return { endpoint: context.endpoint, attempt: context.attempt };
};
