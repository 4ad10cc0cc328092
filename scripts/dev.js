/**
 * `npm run dev [-- embedded]`: builds and runs `tasker up`, and repeats both when a source, handler or config file changes.
 * Uses the servers of `npm run services` in the development mode; with `embedded` it needs none.
 */
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { ensureBuilt } = require("./lib/build");
const { servicesStatus, servicesUp } = require("./lib/development-services");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");
const { CLI } = require("./lib/tasker");

const WATCHED = ["src", "handlers", "config"];
/** Editors write a file in several steps; changes within this time count as one. */
const QUIET_MS = 150;

main(async () => {
  const embedded = process.argv[2] === "embedded";
  await ensureInstalled();
  if (!embedded) await servicesUp();
  const env = embedded ? { TASKER_MODE: "embedded" } : { TASKER_MODE: "development", ...servicesStatus().env };
  return watch({ ...process.env, ...env });
});

/** changed ──quiet──▶ stop the process ──▶ build ──▶ run; after a failed build it waits for the next change. */
function watch(env) {
  return new Promise((resolve) => {
    let child = null;
    let timer = null;
    let turn = Promise.resolve();
    let ending = false;

    const restart = async () => {
      await stop();
      if (ending) return;
      try {
        await ensureBuilt();
      } catch (error) {
        console.error(error.message);
        return;
      }
      const started = spawn(process.execPath, ["--enable-source-maps", CLI, "up"], {
        stdio: "inherit",
        env,
        detached: true,
      });
      child = started;
      started.on("exit", () => {
        if (child === started) child = null;
      });
    };
    const stop = () =>
      new Promise((stopped) => {
        if (!child) return stopped();
        child.once("exit", stopped);
        child.kill("SIGTERM");
      });
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        turn = turn.then(restart);
      }, QUIET_MS);
    };
    for (const folder of WATCHED.map((name) => path.join(ROOT, name)).filter((name) => fs.existsSync(name))) {
      fs.watch(folder, { recursive: true }, soon);
    }
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.on(signal, () => {
        if (ending) return;
        ending = true;
        clearTimeout(timer);
        turn.then(stop).then(() => {
          resolve(0);
          // The watchers would keep us here.
          process.exit(0);
        });
      });
    }
    turn = restart();
  });
}
