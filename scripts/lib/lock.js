const fs = require("node:fs");
const path = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const { alive } = require("./processes");

/** Age at which a lock folder without its owner's name counts as abandoned. */
const NAMELESS_MS = 10_000;

/**
 * Runs `work` while holding the lock folder `folder`; waits for its present owner. Creating a folder is atomic everywhere. It
 * contains the owner's process id, so that the lock of a dead owner is taken over.
 *
 * @param {string} folder
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (owner: number | null) => void }} [more] called once, when somebody else holds it
 * @returns {Promise<T>} @template T
 */
async function withLock(folder, work, more = {}) {
  let told = false;
  while (!take(folder)) {
    const owner = readOwner(folder);
    if (!told) more.onWait?.(owner);
    told = true;
    if (isLeftBehind(folder, owner)) steal(folder, owner);
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function take(folder) {
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  fs.writeFileSync(path.join(folder, "pid"), String(process.pid));
  return true;
}

function readOwner(folder) {
  try {
    return Number(fs.readFileSync(path.join(folder, "pid"), "utf8")) || null;
  } catch {
    return null;
  }
}

function isLeftBehind(folder, owner) {
  if (owner !== null) return !alive(owner);
  try {
    return Date.now() - fs.statSync(folder).mtimeMs > NAMELESS_MS;
  } catch {
    return false;
  }
}

// Two waiters may find the same dead owner; only one of them may clear the folder, and only while that owner stands in it.
function steal(folder, owner) {
  const guard = `${folder}.steal`;
  try {
    fs.mkdirSync(guard);
  } catch {
    if (isLeftBehind(guard, null)) fs.rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (readOwner(folder) === owner) fs.rmSync(folder, { recursive: true, force: true });
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}

module.exports = { withLock };
