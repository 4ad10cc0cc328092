const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { withLock } = require("./lock");
const { ROOT, lockPath } = require("./paths");
const { run } = require("./processes");

const DIST = path.join(ROOT, "dist");
const STAMP = "build.json";
const INPUTS = ["src", "handlers", "scripts/build-ui.js", "tsconfig.json", "tsconfig.build.json", "package-lock.json"];

/** The parts of a build, in order; each writes below `out`. */
const STEPS = [compile, copyAssets, pages];

/**
 * Builds `dist/` if the contents of the sources have changed since its last build. Safe when two run at once; a failed build
 * leaves the former one unchanged. Does nothing without sources (an installed package).
 *
 * @param {{ force?: boolean }} [options]
 */
async function ensureBuilt(options = {}) {
  if (!fs.existsSync(path.join(ROOT, "src"))) return;
  if (!options.force && isBuilt()) return;
  await withLock(lockPath("build"), async () => {
    const wanted = fingerprint();
    if (!options.force && isBuilt(wanted)) return;
    console.error("Building …");
    const out = path.join(ROOT, `dist.${process.pid}`);
    try {
      for (const step of STEPS) await step(out);
      fs.writeFileSync(path.join(out, STAMP), `${JSON.stringify({ sources: wanted })}\n`);
      replace(out);
    } finally {
      fs.rmSync(out, { recursive: true, force: true });
    }
  });
}

async function compile(out) {
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", out];
  const code = await run(process.execPath, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (code !== 0) throw new Error("The sources do not compile; the compiler's messages stand above.");
}

/** Files that the program reads beside its modules: everything below src/ that is not TypeScript. */
function copyAssets(out) {
  for (const file of filesBelow(path.join(ROOT, "src"))) {
    const name = path.relative(ROOT, file);
    if (/\.(tsx?|md)$/.test(name) || name.startsWith(path.join("src", "ui") + path.sep)) continue;
    fs.mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    fs.copyFileSync(file, path.join(out, name));
  }
}

/** The web pages, which the API serves as files. */
function pages(out) {
  return require("../build-ui").buildUi({ out: path.join(out, "ui") });
}

function replace(out) {
  const old = `${out}.old`;
  if (fs.existsSync(DIST)) fs.renameSync(DIST, old);
  fs.renameSync(out, DIST);
  fs.rmSync(old, { recursive: true, force: true });
}

/** Whether `dist/` was built from the present sources. */
function isBuilt(wanted = fingerprint()) {
  try {
    return JSON.parse(fs.readFileSync(path.join(DIST, STAMP), "utf8")).sources === wanted;
  } catch {
    return false;
  }
}

function fingerprint() {
  const hash = crypto.createHash("sha256").update(process.version);
  for (const input of INPUTS) {
    for (const file of filesBelow(path.join(ROOT, input))) {
      hash
        .update(`${path.relative(ROOT, file)}\0`)
        .update(fs.readFileSync(file))
        .update("\0");
    }
  }
  return hash.digest("hex");
}

function filesBelow(top) {
  if (!fs.existsSync(top)) return [];
  if (fs.statSync(top).isFile()) return [top];
  const entries = fs.readdirSync(top, { withFileTypes: true }).filter((entry) => entry.name !== "node_modules");
  return entries.flatMap((entry) => filesBelow(path.join(top, entry.name))).sort();
}

module.exports = { ensureBuilt, isBuilt };
