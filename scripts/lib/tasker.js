const { spawn } = require("node:child_process");
const os = require("node:os");
const path = require("node:path");
const { ROOT } = require("./paths");

const CLI = path.join(ROOT, "dist/src/cli/main.js");
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
/** One Ctrl-C reaches us twice, from the terminal and from npm; signals closer together than this are one. */
const ONE_SIGNAL_MS = 300;

/**
 * Runs the built command line as its own process and resolves with its exit code. Signals to us are passed on.
 *
 * @param {string[]} args
 * @param {{ background?: boolean, env?: NodeJS.ProcessEnv }} [options] `background`: it never reads the terminal. Then it gets a
 *   process group of its own, so that a Ctrl-C reaches it once, through us.
 */
function tasker(args, { background = false, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: "inherit", detached: background, env });
    let last = Number.NEGATIVE_INFINITY;
    const pass = (signal) => {
      const now = performance.now();
      if (background && now - last > ONE_SIGNAL_MS) child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
      if (!background && signal !== "SIGINT") child.kill(signal);
      last = now;
    };
    for (const signal of SIGNALS) process.on(signal, pass);
    const done = () => {
      for (const signal of SIGNALS) process.off(signal, pass);
    };
    child.on("error", (error) => {
      done();
      reject(error);
    });
    child.on("exit", (code, signal) => {
      done();
      resolve(code ?? 128 + os.constants.signals[signal]);
    });
  });
}

module.exports = { CLI, tasker };
