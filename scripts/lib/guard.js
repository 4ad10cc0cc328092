/**
 * The guard stops private servers when the process that started them ends, however it ends. It is a small separate process
 * that reads from its parent's pipe what to stop and remove, and does so when the pipe closes.
 */
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const { commandLine, stopProcess } = require("./processes");

/**
 * `removeLater`: the folder, and first every process whose command line or environment names it, so that a process that was
 * just starting does not stay either.
 *
 * @returns {{ watch: (processes: { pid: number, mark: string }[]) => void, removeLater: (folder: string) => void, done: () => Promise<void> }}
 *   `done` ends what is watched now and resolves when it is gone
 */
function startGuard() {
  const child = spawn(process.execPath, [__filename], { detached: true, stdio: ["pipe", "inherit", "inherit"] });
  child.stdin.on("error", () => {});
  child.unref();
  const say = (message) => child.stdin.write(`${JSON.stringify(message)}\n`);
  return {
    watch: (processes) => processes.forEach(say),
    removeLater: (folder) => say({ folder }),
    done: () =>
      new Promise((resolve) => {
        child.ref();
        child.once("exit", resolve);
        child.stdin.end();
      }),
  };
}

async function guard() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
  let text = "";
  process.stdin.setEncoding("utf8");
  for await (const chunk of process.stdin) text += chunk;
  const told = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  await Promise.all(
    told
      .filter(({ pid, mark }) => pid && commandLine(pid).includes(mark))
      .map(({ pid }) => stopProcess(pid, "SIGKILL")),
  );
  const folders = told.map(({ folder }) => folder).filter(Boolean);
  await Promise.all(processesOf(folders).map((pid) => stopProcess(pid, "SIGKILL")));
  for (const folder of folders) {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Where /proc tells; elsewhere none. */
function processesOf(folders) {
  if (folders.length === 0 || !fs.existsSync("/proc/self/environ")) return [];
  const names = (file) => {
    try {
      const text = fs.readFileSync(file, "utf8");
      return folders.some((folder) => text.includes(folder));
    } catch {
      return false;
    }
  };
  return fs
    .readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .filter((pid) => names(`/proc/${pid}/cmdline`) || names(`/proc/${pid}/environ`));
}

if (require.main === module) guard();

module.exports = { startGuard };
