const fs = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");
const os = require("node:os");
const path = require("node:path");
const { findProgram } = require("./find");
const { withLock } = require("./lock");
const { run } = require("./processes");

const POLICY = "/usr/sbin/policy-rc.d";
const KEPT = `${POLICY}.before-tasker`;

/** Whether packages can be installed here: a Debian system, as root. */
function canInstall() {
  return fs.existsSync("/etc/debian_version") && process.getuid?.() === 0 && findProgram(["apt-get"]) !== null;
}

/**
 * Installs Debian packages without starting their services: policy-rc.d forbids that meanwhile. Waits for other users of the
 * package database. Safe when two run at once.
 *
 * @param {string[]} packages
 * @param {() => boolean} isThere whether the packages are installed
 */
async function aptInstall(packages, isThere) {
  await withLock(path.join(os.tmpdir(), "tasker-apt.lock"), async () => {
    if (isThere()) return;
    console.error(
      `Not on this machine yet: ${packages.join(", ")}. Installing them with apt-get, which changes this machine; their services stay off …`,
    );
    await apt(["update"]);
    await withoutServices(() => apt(["install", "-y", "--no-install-recommends", ...packages]));
  });
}

async function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["-q", "-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=3"];
  // `update` does not wait for the lock of the package lists by itself, so a failed call is made again.
  for (let attempt = 1; ; attempt++) {
    const code = await run("apt-get", [...options, ...args], { env, stdio: ["ignore", 2, 2] });
    if (code === 0) return;
    if (attempt === 5) throw new Error(`apt-get ${args.join(" ")} ended with ${code}; its own message stands above.`);
    await sleep(2000 * attempt);
  }
}

async function withoutServices(work) {
  restorePolicy();
  if (fs.existsSync(POLICY)) fs.renameSync(POLICY, KEPT);
  fs.writeFileSync(POLICY, "#!/bin/sh\n# Put here by tasker while it installs packages.\nexit 101\n", { mode: 0o755 });
  const restoreAtExit = () => restorePolicy(true);
  process.on("exit", restoreAtExit);
  try {
    await work();
  } finally {
    process.off("exit", restoreAtExit);
    restorePolicy(true);
  }
}

/** Restores the former policy, also after an earlier run that was killed. */
function restorePolicy(ours = false) {
  if (fs.existsSync(KEPT)) fs.renameSync(KEPT, POLICY);
  else if (ours || isOurs()) fs.rmSync(POLICY, { force: true });
}

function isOurs() {
  try {
    return fs.readFileSync(POLICY, "utf8").includes("Put here by tasker");
  } catch {
    return false;
  }
}

module.exports = { aptInstall, canInstall };
