/**
 * `npm test [-- jest's arguments]`: installs and builds what is missing, brings up private servers, runs every suite against
 * them, takes them down and ends with `N passed, N failed` alone on a line. A suite that could not run counts as failed, and in
 * a whole run (no arguments) a skipped test does as well. What takes long stands in folders `extended` and runs here only when
 * it is named: `npm test -- test/ui/extended`; the fault scenarios have a command of their own, `npm run test:faults`.
 */
const { ensureBuilt } = require("./lib/build");
const { ensureChromium } = require("./lib/chromium");
const { ensureInstalled } = require("./lib/install");
const { runJest, stopIfInterrupted, testing } = require("./lib/jest");
const { testServers } = require("./lib/test-servers");

const LONG = "/extended";

/** Folders and files with tests of the web pages, and of the client in a browser. */
const IN_BROWSER = /ui|client|chromium|browser|^test\/?$/;

const given = process.argv.slice(2);
const patterns = given.filter((argument) => !argument.startsWith("-"));
const browser = patterns.length === 0 || patterns.some((pattern) => IN_BROWSER.test(pattern));
const long = given.some((argument) => argument.includes(LONG));

testing(async () => {
  await ensureInstalled();
  await ensureBuilt();
  if (browser) await ensureChromium();
  stopIfInterrupted();
  const servers = await testServers();
  try {
    stopIfInterrupted();
    const args = long ? given : [...given, `--testPathIgnorePatterns=/node_modules/|${LONG}/`];
    return await runJest(args, servers.env, { skippedFail: given.length === 0 });
  } finally {
    await servers.stop();
  }
});
