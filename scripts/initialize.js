/** `node scripts/initialize.js [--mode …] [--reset] [--dry-run] [--yes]`: installs and builds if necessary, then `tasker initialize`. */
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { tasker } = require("./lib/tasker");

main(async () => {
  await ensureInstalled();
  await ensureBuilt();
  return tasker(["initialize", ...process.argv.slice(2)]);
});
