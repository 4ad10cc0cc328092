/**
 * `npm test [-- jest's arguments]`: installs and builds if necessary, starts private servers, runs every suite against them,
 * stops them and ends with the line `N passed, N failed`. A suite that could not run counts as failed, and in a full run (no
 * arguments) a skipped test does too. Long suites are in folders `extended` and run only when named:
 * `npm test -- test/ui/extended`. The fault scenarios have their own command, `npm run test:faults`.
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
