// Workers of a BullMQ flow's children: a queue and a worker for each endpoint of this process.
const { Worker } = require("bullmq");

const { redis, endpoints } = JSON.parse(process.env.BENCH);
const connection = { host: "127.0.0.1", port: redis, maxRetriesPerRequest: null };
const workers = endpoints.map((name) => new Worker(name, async () => ({ ok: true }), { connection, concurrency: 4 }));
for (const worker of workers) worker.on("error", (error) => console.error(error.message));
Promise.all(workers.map((worker) => worker.waitUntilReady())).then(() => console.log("ready"));
process.on("SIGTERM", () => process.exit(0));
