/** Builds the web pages from src/ui into dist/ui, or into a folder: `node scripts/build-ui.js [folder]`. */
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");
const { run } = require("./lib/processes");

const SOURCES = path.join(ROOT, "src/ui");
/** Source that the pages share. */
const CLIENT = path.join(ROOT, "src/client");
const BUILT = path.join(ROOT, "dist/ui");
const STAMP = "build.json";

/**
 * Checks the types and bundles the pages into `out`. Does nothing if `out` was built from these sources; copies dist/ui if
 * that was.
 *
 * @param {{ out?: string, force?: boolean }} [options]
 */
async function buildUi({ out = BUILT, force = false } = {}) {
  const wanted = fingerprint();
  if (!force) {
    if (isBuilt(out, wanted)) return;
    if (out !== BUILT && isBuilt(BUILT, wanted)) {
      fs.cpSync(BUILT, out, { recursive: true });
      return;
    }
  }
  const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const code = await run(process.execPath, [tsc, "-p", SOURCES], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (code !== 0) throw new Error("The web pages do not compile; the compiler's messages stand above.");
  const vite = await import("vite");
  await vite.build(viteConfig(out));
  fs.writeFileSync(path.join(out, STAMP), `${JSON.stringify({ sources: wanted })}\n`);
}

/** Addresses are relative, so the pages work below any path of a reverse proxy. Nothing is inlined (CSP). */
function viteConfig(outDir) {
  return {
    configFile: false,
    root: SOURCES,
    base: "./",
    logLevel: "warn",
    publicDir: path.join(SOURCES, "public"),
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: ["chrome123", "firefox124", "safari17.5"],
      reportCompressedSize: false,
    },
  };
}

function isBuilt(folder, wanted) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, STAMP), "utf8")).sources === wanted;
  } catch {
    return false;
  }
}

function fingerprint() {
  const hash = crypto.createHash("sha256");
  const files = [SOURCES, CLIENT]
    .flatMap((folder) => fs.readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.join(entry.parentPath ?? entry.path, entry.name)).sort();
  for (const file of [...paths, path.join(ROOT, "package-lock.json"), __filename]) {
    hash
      .update(`${path.relative(ROOT, file)}\0`)
      .update(fs.readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}

module.exports = { buildUi };

if (require.main === module) main(() => buildUi({ out: process.argv[2] }));
