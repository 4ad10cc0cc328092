/**
 * The guard takes private servers down when the process that started them ends, however it ends: it is a small process of its
 * own that reads from its parent's pipe what to end and what to remove, and does so when the pipe closes.
 */
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const { commandLine, stopProcess } = require("./processes");

/**
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
  for (const { folder } of told) {
    if (folder) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

if (require.main === module) guard();

module.exports = { startGuard };
