const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { ROOT } = require("./paths");

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** How long jest may take to end after it was told to. */
const GRACE_MS = 10_000;
/** How long jest may take to end after its report: what a failed test left open would keep it for ever. */
const LAST_MS = 30_000;
/** jest takes the number of its workers once. */
const SETS_WORKERS = /^(-i|-w|--runInBand|--maxWorkers)\b/;
/** Failures of an outer run (`npm run check`) that belong into the one closing line. */
const failedBefore = (process.env.TASKER_FAILED_CHECKS ?? "").split(",").filter(Boolean);

/** More than cores: a suite waits half of its time, for servers and processes of its own. */
const WORKERS = Math.min(6, Math.ceil(os.availableParallelism() * 1.5));

let child = null;
let interrupted = null;

/**
 * A script's body that runs tests: `body` resolves to what runJest says, or throws one sentence. Signals reach jest; the
 * closing line is `N passed, N failed`, and the exit code says the same.
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
 * Runs jest with its report on standard error and counts: a suite that could not run is a failed test.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env beside the present one
 * @param {{ skippedFail?: boolean }} [options] whether a skipped test counts as failed
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function runJest(args, env, { skippedFail = false } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tasker-jest-"));
  const report = path.join(folder, "report.json");
  const jest = path.join(ROOT, "node_modules/jest/bin/jest.js");
  const nodeOptions =
    `${process.env.NODE_OPTIONS ?? ""} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim();
  try {
    const ended = await new Promise((resolve, reject) => {
      const reported = setInterval(() => {
        if (!fs.existsSync(report)) return;
        clearInterval(reported);
        const left = child;
        setTimeout(() => left?.kill("SIGKILL"), LAST_MS).unref();
      }, 1000);
      reported.unref();
      const workers = args.some((arg) => SETS_WORKERS.test(arg)) ? [] : [`--maxWorkers=${WORKERS}`];
      child = spawn(process.execPath, [jest, ...workers, "--json", `--outputFile=${report}`, ...args], {
        cwd: ROOT,
        env: { ...process.env, ...env, NODE_OPTIONS: nodeOptions },
        // jest also prints the report itself on standard output.
        stdio: ["ignore", "ignore", "inherit"],
      });
      child.on("error", reject);
      child.on("exit", (code, signal) => resolve(signal ?? code));
    });
    return count(report, ended, skippedFail);
  } finally {
    child = null;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function count(report, ended, skippedFail) {
  if (!fs.existsSync(report)) throw new Error(`jest ended (${ended}) without a report of the tests.`);
  const result = JSON.parse(fs.readFileSync(report, "utf8"));
  const skipped = skippedFail ? result.numPendingTests + result.numTodoTests : 0;
  if (skipped > 0) console.error(`${skipped} tests were skipped; here a skipped test counts as failed.`);
  let failed = result.numFailedTests + result.numRuntimeErrorTestSuites + skipped;
  const passed = result.numPassedTests;
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
