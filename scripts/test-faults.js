/**
 * `npm run test:faults [-- jest's arguments]`: every scenario of docs/faults.md in full length, with real processes and private
 * servers; each prints one line. The first twelve, whose times have bounds, run one after the other, the others two at a time.
 * Ends with a table of all scenarios and `N passed, N failed`; an exceeded bound counts as failed.
 */
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { ensureBuilt } = require("./lib/build");
const { faultsTable, readScenarios } = require("./lib/faults-table");
const { ensureInstalled } = require("./lib/install");
const { runJest, stopIfInterrupted, testing } = require("./lib/jest");
const { requirePrograms } = require("./lib/servers");

const EXTENDED = "test/faults/extended";
const RUNS = [
  ["test/faults", `--testPathIgnorePatterns=/node_modules/|${EXTENDED}`, "--runInBand"],
  [EXTENDED, "--maxWorkers=2"],
];

testing(async () => {
  await ensureInstalled();
  await ensureBuilt();
  await requirePrograms({});
  const given = process.argv.slice(2);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tasker-table-"));
  const env = { TASKER_FAULTS: "full", TASKER_FAULTS_TABLE: path.join(folder, "scenarios.jsonl") };
  const total = { passed: 0, failed: 0 };
  try {
    for (const args of given.some((one) => one.startsWith("test/")) ? [["--runInBand"]] : RUNS) {
      stopIfInterrupted();
      const { passed, failed } = await runJest([...args, ...given], env, { skippedFail: given.length === 0 });
      total.passed += passed;
      total.failed += failed;
    }
    const scenarios = readScenarios(env.TASKER_FAULTS_TABLE);
    console.log(faultsTable(scenarios));
    const broken = scenarios.flatMap(({ judgements }) => judgements).filter(({ kept }) => !kept).length;
    return { ...total, failed: total.failed + broken };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
