const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { withLock } = require("../../scripts/lib/lock");
const { lockPath } = require("../../scripts/lib/paths");
const { npm } = require("../../scripts/lib/processes");
const { freePorts } = require("../../scripts/lib/ports");
const { startProgram } = require("./processes");
const { pause, ROOT } = require("./tasker");

const SOURCES = path.join(ROOT, "bench");
const FOLDER = path.join(ROOT, ".services/bench");
const FILES = ["package.json", "package-lock.json"];

/** Installs the peers' packages below .services/bench, from a lock of their own: tasker itself does not depend on them. */
async function installPeers() {
  const wanted = crypto.createHash("sha256");
  for (const file of FILES) wanted.update(fs.readFileSync(path.join(SOURCES, file)));
  const digest = wanted.digest("hex");
  const stamp = path.join(FOLDER, "installed");
  const isThere = () => fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === digest;
  if (isThere()) return;
  await withLock(lockPath("bench-install"), async () => {
    if (isThere()) return;
    console.error("Installing what tasker is measured against …");
    fs.mkdirSync(FOLDER, { recursive: true });
    for (const file of FILES) fs.copyFileSync(path.join(SOURCES, file), path.join(FOLDER, file));
    // Not `npm ci`: it refuses a lock that misses optional packages for platforms which a registry mirror does not carry.
    const code = await npm(["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: FOLDER,
      stdio: ["ignore", 2, 2],
    });
    if (code !== 0) throw new Error(`The peers' packages could not be installed: npm ended with ${code}.`);
    fs.writeFileSync(stamp, digest);
  });
}

/** A package of the peers. */
function peerModule(name) {
  return require(require.resolve(name, { paths: [FOLDER] }));
}

function peerVersions() {
  const version = (name) => {
    try {
      return JSON.parse(fs.readFileSync(path.join(FOLDER, "node_modules", name, "package.json"), "utf8")).version;
    } catch {
      return null;
    }
  };
  return { express: version("express"), bullmq: version("bullmq"), ioredis: version("ioredis") };
}

/** Starts a program of bench/peers with the peers' packages. It says `ready` when it is. */
function startPeer(servers, name, file, settings) {
  return startProgram(name, process.execPath, [path.join(SOURCES, "peers", file)], {
    folder: servers.newFolder("peer"),
    env: { NODE_PATH: path.join(FOLDER, "node_modules"), NODE_ENV: "production", BENCH: JSON.stringify(settings) },
    ready: /^ready/m,
  });
}

/**
 * Express + BullMQ as one would run it: a process that takes requests and adds jobs, a process with the worker. Redis is
 * emptied first.
 *
 * @param {{ concurrency?: number, env?: object, stamps?: string }} more
 */
async function startBullmq(servers, more = {}) {
  await installPeers();
  const redis = await servers.redis();
  const [port] = await freePorts(1);
  const settings = { port, redis: redis.port, queue: "bench", concurrency: 100, ...more };
  const worker = await startPeer(servers, "worker", "bullmq-worker.js", settings);
  const api = await startPeer(servers, "express", "bullmq-api.js", settings);
  const { Queue } = peerModule("bullmq");
  const queue = new Queue(settings.queue, { connection: { host: "127.0.0.1", port: redis.port } });
  await queue.waitUntilReady();
  return {
    url: `http://127.0.0.1:${port}`,
    pids: { express: api.pid, worker: worker.pid, redis: redis.pid },
    queue,
    completed: () => queue.getCompletedCount(),
    async untilDone() {
      for (;;) {
        const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
        if (Object.values(counts).every((count) => count === 0)) return performance.now();
        await pause(20);
      }
    },
    async stop() {
      await queue.obliterate({ force: true }).catch(() => {});
      await queue.close();
      await Promise.all([api.stop(), worker.stop()]);
    },
  };
}

module.exports = { installPeers, peerModule, peerVersions, startBullmq, startPeer };
