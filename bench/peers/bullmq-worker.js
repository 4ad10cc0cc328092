// A BullMQ worker with a no-op processor; for the latency case it notes when a job starts.
const { appendFileSync } = require("node:fs");
const { Worker } = require("bullmq");

const { redis, queue, concurrency, stamps } = JSON.parse(process.env.BENCH);
const noop = async () => ({ ok: true });
const stamp = async (job) => {
  const startedAt = process.hrtime.bigint();
  appendFileSync(stamps, `${job.data.payload.n} ${startedAt}\n`);
};
const worker = new Worker(queue, stamps ? stamp : noop, {
  connection: { host: "127.0.0.1", port: redis, maxRetriesPerRequest: null },
  concurrency,
});
worker.on("error", (error) => console.error(error.message));
worker.waitUntilReady().then(() => console.log("ready"));
process.on("SIGTERM", () => worker.close().then(() => process.exit(0)));
