const { spawn } = require("node:child_process");
const os = require("node:os");
const path = require("node:path");
const { ROOT } = require("./paths");

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** Time for jest to end after a signal. */
const GRACE_MS = 10_000;
/** Time for jest to end after its report, since open handles of a failed test would keep it for ever. */
const LAST_MS = 30_000;
/** jest accepts the number of its workers only once. */
const SETS_WORKERS = /^(-i|-w|--runInBand|--maxWorkers)\b/;
/** Failures of the outer run (`npm run check`), added to the closing line. */
const failedBefore = (process.env.TASKER_FAILED_CHECKS ?? "").split(",").filter(Boolean);

/** More workers than cores, since a suite waits half of its time for servers and processes. */
const WORKERS = Math.min(6, Math.ceil(os.availableParallelism() * 1.5));

let child = null;
let interrupted = null;

/**
 * Runs the body of a test script: `body` resolves to the result of runJest, or throws one sentence. Signals reach jest. The
 * closing line is `N passed, N failed`, with a matching exit code.
 *
 * @param {() => Promise<{ passed: number, failed: number }>} body
 */
function testing(body) {
  for (const signal of SIGNALS) process.on(signal, () => interrupt(signal));
  body().then(
    ({ passed, failed }) => close(passed, failed),
    (error) => {
      console.error(error instanceof Error ? error.message : String(error));
      close(0, 1);
    },
  );
}

/**
 * Runs jest with its report on standard error. The counts come from our reporter (count-reporter.js); a suite that could not
 * run is a failed test.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env beside the present one
 * @param {{ skippedFail?: boolean }} [options] whether a skipped test counts as failed
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function runJest(args, env, { skippedFail = false } = {}) {
  const jest = path.join(ROOT, "node_modules/jest/bin/jest.js");
  const nodeOptions =
    `${process.env.NODE_OPTIONS ?? ""} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim();
  const workers = args.some((arg) => SETS_WORKERS.test(arg)) ? [] : [`--maxWorkers=${WORKERS}`];
  const reporters = ["--reporters=default", `--reporters=${path.join(__dirname, "count-reporter.js")}`];
  try {
    child = spawn(process.execPath, [jest, ...workers, ...args, ...reporters], {
      cwd: ROOT,
      env: { ...process.env, ...env, NODE_OPTIONS: nodeOptions },
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    const [ended, counts] = await Promise.all([exitOf(child), countsOf(child)]);
    return judge(counts, ended, skippedFail);
  } finally {
    child = null;
  }
}

function exitOf(process) {
  return new Promise((resolve, reject) => {
    process.on("error", reject);
    process.on("exit", (code, signal) => resolve(signal ?? code));
  });
}

/** The counts from the reporter; empty if jest ended without a report. */
async function countsOf(process) {
  let text = "";
  for await (const chunk of process.stdio[3].setEncoding("utf8")) text += chunk;
  setTimeout(() => process.kill("SIGKILL"), LAST_MS).unref();
  return text;
}

function judge(counts, ended, skippedFail) {
  if (counts === "") throw new Error(`jest ended (${ended}) without a report of the tests.`);
  let { passed, failed, skipped } = JSON.parse(counts);
  if (skippedFail && skipped > 0) {
    console.error(`${skipped} tests were skipped; here a skipped test counts as failed.`);
    failed += skipped;
  }
  if (failed === 0 && ended !== 0) {
    console.error(`jest ended with ${ended} although no test failed.`);
    failed = 1;
  }
  return { passed, failed };
}

function interrupt(signal) {
  interrupted ??= signal;
  const running = child;
  if (!running) return;
  running.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
  setTimeout(() => running.kill("SIGKILL"), GRACE_MS).unref();
}

function stopIfInterrupted() {
  if (interrupted) throw new Error(`Stopped by ${interrupted}.`);
}

function close(passed, failed) {
  if (failedBefore.length > 0) console.error(`Failed before the tests: ${failedBefore.join(", ")}.`);
  const all = failed + failedBefore.length;
  console.log(`${passed} passed, ${all} failed`);
  process.exitCode = interrupted ? 128 + os.constants.signals[interrupted] : all === 0 ? 0 : 1;
}

module.exports = { testing, runJest, stopIfInterrupted };
