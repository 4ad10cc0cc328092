/**
 * `npm run check`, which is what CI runs: format and lint and types beside each other, the floors of performance with the machine
 * to themselves, then `npm test` (the rules of the architecture are among the tests). All of them run, also after a failure; the
 * closing line of the tests counts each failed check as one more failure.
 */
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");
const { npm } = require("./lib/processes");

main(async () => {
  await ensureInstalled();
  const failed = [];
  const check = async (name, script, ...more) => {
    console.error(`Checking ${name} …`);
    const code = await npm(["run", "--silent", script, ...more], { cwd: ROOT, stdio: ["ignore", 2, 2] });
    if (code !== 0) failed.push(name);
  };
  // A build that fails is told by whatever needs it next.
  const built = ensureBuilt().catch(() => {});
  await Promise.all([check("format and lint", "lint"), check("types", "types"), built]);
  await check("performance", "bench", "--", "--check");
  const env = { ...process.env, TASKER_FAILED_CHECKS: failed.join(",") };
  return npm(["test", "--silent"], { cwd: ROOT, env, stdio: ["ignore", "inherit", "inherit"] });
});
