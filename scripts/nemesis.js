/**
 * `npm run test:nemesis -- [--minutes N] [--seed S] [--every SECONDS] [--load TASKS_A_SECOND]`: random faults under load on
 * private servers, then the checker's table. The same seed gives the same faults in the same order. With half the load and
 * `--minutes 10` it is the soak test.
 */
const { spawn } = require("node:child_process");
const path = require("node:path");
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");
const { requirePrograms } = require("./lib/servers");

main(async () => {
  await ensureInstalled();
  await ensureBuilt();
  await requirePrograms({});
  const program = path.join(ROOT, "test/faults/nemesis.ts");
  const child = spawn(process.execPath, ["--import", "tsx", program, ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
});
