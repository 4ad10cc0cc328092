const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { stopProcess } = require("../../scripts/lib/processes");

/** Time for a program to report that it is ready. */
const READY_MS = 60_000;

/**
 * Starts a program and waits until a line of its output matches `ready`. Its output goes to a file in `folder`, whose name is in
 * its environment: by that the guard finds it when this process ends before it has stopped it.
 *
 * @returns {Promise<{ pid: number, line: string, log: string, stop: (signal?: string) => Promise<void> }>}
 */
function startProgram(name, command, args, { folder, env = {}, ready, cwd, readyMs = READY_MS }) {
  const log = path.join(folder, `${name}.log`);
  const output = fs.openSync(log, "w");
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env, BENCH_FOLDER: folder },
    stdio: ["ignore", output, output],
  });
  fs.closeSync(output);
  let gone = null;
  child.on("error", (error) => {
    gone = error.message;
  });
  child.on("exit", (code, signal) => {
    gone = `it ended with ${signal ?? code}`;
  });
  const stop = async (signal = "SIGTERM") => {
    if (gone === null) await stopProcess(child.pid, signal, 20_000);
  };
  return new Promise((resolve, reject) => {
    const began = Date.now();
    const look = setInterval(() => {
      const line = fs
        .readFileSync(log, "utf8")
        .split("\n")
        .find((text) => ready.test(text));
      if (line !== undefined) {
        clearInterval(look);
        resolve({ name, pid: child.pid, line, log, stop });
      } else if (gone !== null || Date.now() - began > readyMs) {
        clearInterval(look);
        const why = gone ?? "it did not say that it is ready";
        const end = fs.readFileSync(log, "utf8").split("\n").slice(-15).join("\n");
        void stop("SIGKILL").then(() => reject(new Error(`${name} did not start: ${why}.\n${end}`)));
      }
    }, 20);
  });
}

module.exports = { startProgram };
