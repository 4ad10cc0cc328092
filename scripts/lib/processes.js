const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");

/** Whether a process of this id exists. */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** The command line of a process, "" when there is none: tells a server of ours from a stranger with a recycled id. */
function commandLine(pid) {
  const told = procFile(pid, "cmdline");
  if (told !== null) return told.replaceAll("\0", " ").trim();
  const shown = spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  return shown.status === 0 ? shown.stdout.trim() : "";
}

/** Sends `signal` and waits; what is still there after `graceMs` is killed. Resolves when the process is gone. */
async function stopProcess(pid, signal = "SIGTERM", graceMs = 15_000) {
  send(pid, signal);
  const deadline = Date.now() + graceMs;
  while (running(pid)) {
    if (Date.now() > deadline) send(pid, "SIGKILL");
    await sleep(25);
  }
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

// A child that has ended but was not waited for still answers to kill(pid, 0); it counts as gone.
function running(pid) {
  if (!alive(pid)) return false;
  const told = procFile(pid, "stat");
  // The name before the state stands in brackets and may hold anything.
  if (told !== null) return /^ [^ZX]/.test(told.slice(told.lastIndexOf(")") + 1));
  const shown = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return shown.status !== 0 ? alive(pid) : !shown.stdout.trim().startsWith("Z");
}

/** A file of Linux's /proc ("" when the process is gone); null where there is no such thing and `ps` must be asked. */
function procFile(pid, name) {
  if (!fs.existsSync("/proc/self/stat")) return null;
  try {
    return fs.readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}

/** Runs a program to its end with our own output (or as `options` say). Resolves with its exit code; 128 + n for a signal. */
function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", ...options });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (require("node:os").constants.signals[signal] ?? 0)));
  });
}

/** npm, as the npm that started us or the one on the PATH. */
function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli && /\.c?js$/.test(cli)) return run(process.execPath, [cli, ...args], options);
  return run(process.platform === "win32" ? "npm.cmd" : "npm", args, {
    shell: process.platform === "win32",
    ...options,
  });
}

module.exports = { alive, commandLine, stopProcess, run, npm };
