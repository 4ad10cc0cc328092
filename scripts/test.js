/**
 * `npm test [-- jest's arguments]`: installs and builds what is missing, brings up private servers, runs every suite against
 * them, takes them down and ends with `N passed, N failed` alone on a line. A suite that could not run counts as failed, and in
 * a whole run (no arguments) a skipped test does as well.
 */
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { ROOT } = require("./lib/paths");
const { testServers } = require("./lib/test-servers");

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** How long jest may take to end after it was told to. */
const GRACE_MS = 10_000;

const jestArguments = process.argv.slice(2);
/** Failures of an outer run (`npm run check`) that belong into the one closing line. */
const failedBefore = (process.env.TASKER_FAILED_CHECKS ?? "").split(",").filter(Boolean);

let child = null;
let interrupted = null;
for (const signal of SIGNALS) process.on(signal, () => interrupt(signal));

run().then(
  ({ passed, failed }) => close(passed, failed),
  (error) => {
    console.error(error instanceof Error ? error.message : String(error));
    close(0, 1);
  },
);

async function run() {
  await ensureInstalled();
  await ensureBuilt();
  stopIfInterrupted();
  const servers = await testServers();
  try {
    stopIfInterrupted();
    return await runJest(servers.env);
  } finally {
    await servers.stop();
  }
}

async function runJest(env) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tasker-jest-"));
  const report = path.join(folder, "report.json");
  const jest = path.join(ROOT, "node_modules/jest/bin/jest.js");
  const nodeOptions =
    `${process.env.NODE_OPTIONS ?? ""} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim();
  try {
    const ended = await new Promise((resolve, reject) => {
      child = spawn(process.execPath, [jest, "--maxWorkers=2", "--json", `--outputFile=${report}`, ...jestArguments], {
        cwd: ROOT,
        env: { ...process.env, ...env, NODE_OPTIONS: nodeOptions },
        // jest also prints the report itself on standard output.
        stdio: ["ignore", "ignore", "inherit"],
      });
      child.on("error", reject);
      child.on("exit", (code, signal) => resolve(signal ?? code));
    });
    return count(report, ended);
  } finally {
    child = null;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function count(report, ended) {
  if (!fs.existsSync(report)) throw new Error(`jest ended (${ended}) without a report of the tests.`);
  const result = JSON.parse(fs.readFileSync(report, "utf8"));
  const skipped = jestArguments.length === 0 ? result.numPendingTests + result.numTodoTests : 0;
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
