/**
 * `npm run check`, as CI runs it: format, lint and types in parallel, then the performance floors alone, then `npm test`
 * (which includes the rules of the architecture). All run even after a failure. The closing line of the tests counts each
 * failed check as one more failure.
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
  // The next step that needs the build reports its failure.
  const built = ensureBuilt().catch(() => {});
  await Promise.all([check("format and lint", "lint"), check("types", "types"), built]);
  await check("performance", "bench", "--", "--check");
  const env = { ...process.env, TASKER_FAILED_CHECKS: failed.join(",") };
  return npm(["test", "--silent"], { cwd: ROOT, env, stdio: ["ignore", "inherit", "inherit"] });
});
