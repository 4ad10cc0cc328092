const { spawnSync } = require("node:child_process");
const { aptInstall, canInstall } = require("./apt");
const { findProgram } = require("./find");

/** Debian's own Python; another one may come first on the PATH, without Debian's packages. */
const PYTHON = "/usr/bin/python3";

/** A Python that has the module; null: none. */
function pythonWith(module) {
  const has = (program) => spawnSync(program, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
  return [findProgram(["python3"]), PYTHON].find((program) => program !== null && has(program)) ?? null;
}

/** The path of a Python with pika; on Debian the package is installed if missing. Rejects with one sentence. */
async function ensurePika() {
  const found = pythonWith("pika");
  if (found) return found;
  const advice = "install python3 with pika (Debian's package is python3-pika)";
  if (!canInstall()) {
    throw new Error(
      `No Python with pika on this machine, and it is not Debian as root with apt-get, where it would be installed: ${advice}.`,
    );
  }
  await aptInstall(["python3-pika"], () => pythonWith("pika") !== null);
  const installed = pythonWith("pika");
  if (!installed) throw new Error(`python3-pika was installed, but no Python finds the module pika: ${advice}.`);
  return installed;
}

module.exports = { PYTHON, ensurePika, pythonWith };
