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

/** Starts a program of bench/peers with the peers' packages. It prints `ready`. */
function startPeer(servers, name, file, settings) {
  return startProgram(name, process.execPath, [path.join(SOURCES, "peers", file)], {
    folder: servers.newFolder("peer"),
    env: {
      NODE_PATH: [FOLDER, ROOT].map((folder) => path.join(folder, "node_modules")).join(path.delimiter),
      NODE_ENV: "production",
      BENCH: JSON.stringify(settings),
    },
    ready: /^ready/m,
  });
}

/** Stands where a peer would while tasker is measured alone. */
const NOBODY = {
  pids: {},
  completed: async () => 0,
  untilDone: async () => performance.now(),
  addBatch: async () => [],
  one: async () => {},
  stop: async () => {},
};

/**
 * Express + BullMQ as one would run it: a process that takes requests and adds jobs, a process with the worker. Redis is
 * emptied first.
 *
 * @param {{ concurrency?: number, env?: object, stamps?: string }} more
 */
async function startBullmq(servers, more = {}) {
  if (servers.alone) return NOBODY;
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
    /** Resolves to the jobs' ids. */
    async addBatch(tasks) {
      const answer = await fetch(`http://127.0.0.1:${port}/jobs/batch`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ tasks }),
      });
      return (await answer.json()).ids;
    },
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

/** A BullMQ flow: a queue and a worker for each endpoint, in several processes. */
async function startFlow(servers, hands) {
  if (servers.alone) return NOBODY;
  await installPeers();
  const redis = await servers.redis();
  const [port] = await freePorts(1);
  const workers = await Promise.all(
    hands.map((endpoints, i) =>
      startPeer(servers, `workers${i + 1}`, "flow-workers.js", { redis: redis.port, endpoints }),
    ),
  );
  const api = await startPeer(servers, "express", "flow-api.js", { port, redis: redis.port, endpoints: hands.flat() });
  const expected = hands.flat().length;
  return {
    pids: {
      express: api.pid,
      redis: redis.pid,
      ...Object.fromEntries(workers.map(({ name, pid }) => [name, pid])),
    },
    async one() {
      const answer = await fetch(`http://127.0.0.1:${port}/flows`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"payload":{"n":1}}',
      });
      const { responses } = await answer.json();
      if (responses !== expected) throw new Error(`A flow ended with ${responses} of ${expected} children.`);
    },
    stop: () => Promise.all([api, ...workers].map((program) => program.stop())),
  };
}

/** The broker alone, used as tasker uses it: one transient, confirmed publish to a durable queue for each endpoint. */
async function startBroadcast(servers, hands) {
  if (servers.alone) return NOBODY;
  const { connect } = require("amqplib");
  const vhost = await servers.newVhost();
  const connection = await connect(vhost.uri, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange("broadcast", "direct", { durable: true });
  const { queue: reply } = await channel.assertQueue("", { exclusive: true });
  const workers = await Promise.all(
    hands.map((endpoints, i) =>
      startPeer(servers, `consumers${i + 1}`, "broadcast-consumers.js", {
        uri: vhost.uri,
        exchange: "broadcast",
        endpoints,
        reply,
      }),
    ),
  );
  const waiting = new Map();
  await channel.consume(
    reply,
    (message) => {
      const id = message.content.toString();
      const one = waiting.get(id);
      if (one && --one.left === 0) {
        waiting.delete(id);
        one.resolve();
      }
    },
    { noAck: true },
  );
  let n = 0;
  return {
    pids: { broker: vhost.pid, ...Object.fromEntries(workers.map(({ name, pid }) => [name, pid])) },
    one: () =>
      new Promise((resolve, reject) => {
        const id = String(++n);
        waiting.set(id, { left: hands.length, resolve });
        const options = { mandatory: true, messageId: id };
        channel.publish(
          "broadcast",
          "all",
          Buffer.from('{"payload":{"n":1}}'),
          options,
          (error) => error && reject(error),
        );
      }),
    async stop() {
      await connection.close();
      await Promise.all(workers.map((program) => program.stop()));
    },
  };
}

module.exports = {
  installPeers,
  peerModule,
  peerVersions,
  startBroadcast,
  startBullmq,
  startFlow,
  startPeer,
};
