const crypto = require("node:crypto");
const os = require("node:os");
const path = require("node:path");

/** The checkout that these scripts belong to, wherever they are called from. */
const ROOT = path.resolve(__dirname, "../..");

/** A place for locks that is the same for every process of this user working on this checkout, and outside of it. */
function lockPath(name) {
  const user = typeof process.getuid === "function" ? process.getuid() : os.userInfo().username;
  const checkout = crypto.createHash("sha256").update(ROOT).digest("hex").slice(0, 12);
  return path.join(os.tmpdir(), `tasker-${user}-${checkout}-${name}.lock`);
}

module.exports = { ROOT, lockPath };
