/**
 * `npm start`: installs and builds if necessary, then runs tasker in one process on http://127.0.0.1:3000, with a sample task
 * on an empty store. Ctrl-C drains and ends it.
 */
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { tasker } = require("./lib/tasker");

main(async () => {
  await ensureInstalled();
  await ensureBuilt();
  return tasker(["up", "--demo", ...process.argv.slice(2)], { background: true });
});
