/**
 * `npm run check`, which is what CI runs: format and lint, types, the floors of performance, then `npm test` (the rules of the architecture are among the
 * tests). All of them run, also after a failure; the closing line of the tests counts each failed check as one more failure.
 */
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");
const { npm } = require("./lib/processes");

const CHECKS = [
  { name: "format and lint", script: "lint" },
  { name: "types", script: "types" },
  { name: "performance", script: "bench", more: ["--", "--check"] },
];

main(async () => {
  await ensureInstalled();
  const failed = [];
  for (const { name, script, more = [] } of CHECKS) {
    console.error(`Checking ${name} …`);
    const code = await npm(["run", "--silent", script, ...more], { cwd: ROOT, stdio: ["ignore", 2, 2] });
    if (code !== 0) failed.push(name);
  }
  const env = { ...process.env, TASKER_FAILED_CHECKS: failed.join(",") };
  return npm(["test", "--silent"], { cwd: ROOT, env, stdio: ["ignore", "inherit", "inherit"] });
});
