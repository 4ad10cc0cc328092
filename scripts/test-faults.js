/**
 * `npm run test:faults [-- jest's arguments]`: every scenario of docs/faults.md with real processes and servers of their own,
 * in its full length; each prints one line. Ends with `N passed, N failed`.
 */
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { runJest, stopIfInterrupted, testing } = require("./lib/jest");
const { requirePrograms } = require("./lib/servers");

testing(async () => {
  await ensureInstalled();
  await ensureBuilt();
  await requirePrograms({});
  stopIfInterrupted();
  const given = process.argv.slice(2);
  return runJest(["test/faults", ...given], { TASKER_FAULTS: "full" }, { skippedFail: given.length === 0 });
});
