const fs = require("node:fs");
const path = require("node:path");
const { withLock } = require("./lock");
const { ROOT, lockPath } = require("./paths");
const { npm } = require("./processes");

/**
 * Installs the packages of package-lock.json if node_modules holds others (`npm ci --ignore-scripts`). Compares names and
 * versions, since a checkout or a copy changes the times of files. Safe when two run at once.
 */
async function ensureInstalled() {
  if (isInstalled()) return;
  await withLock(lockPath("install"), async () => {
    if (isInstalled()) return;
    console.error("Installing packages (npm ci) …");
    const code = await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: ROOT,
      stdio: ["ignore", 2, 2],
    });
    if (code !== 0)
      throw new Error(`The packages could not be installed: npm ci ended with ${code}. Its own message stands above.`);
  });
}

function isInstalled() {
  const wanted = packages(path.join(ROOT, "package-lock.json"));
  const present = packages(path.join(ROOT, "node_modules/.package-lock.json"));
  if (!wanted) return fs.existsSync(path.join(ROOT, "node_modules"));
  if (!present) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    // Optional packages are for one platform each: what is missing of them was left out on purpose.
    if (name === "" || entry.optional || entry.devOptional || entry.peer) return true;
    return present[name]?.version === entry.version && fs.existsSync(path.join(ROOT, name));
  });
}

function packages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}

module.exports = { ensureInstalled, isInstalled };
