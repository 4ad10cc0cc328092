// Express in front of a BullMQ queue, as the guides of both have it.
const express = require("express");
const { Queue } = require("bullmq");

const { port, redis, queue: name } = JSON.parse(process.env.BENCH);
const queue = new Queue(name, { connection: { host: "127.0.0.1", port: redis } });
const app = express();
app.use(express.json({ limit: "2mb" }));

app.post("/jobs", async (req, res) => {
  const job = await queue.add("noop", req.body);
  res.status(202).json({ id: job.id });
});

app.post("/jobs/batch", async (req, res) => {
  const jobs = await queue.addBulk(req.body.tasks.map((data) => ({ name: "noop", data })));
  res.status(202).json({ ids: jobs.map((job) => job.id) });
});

app.get("/jobs/:id", async (req, res) => {
  const job = await queue.getJob(req.params.id);
  if (!job) return res.status(404).json({ error: "no such job" });
  res.json({
    id: job.id,
    state: await job.getState(),
    progress: job.progress,
    result: job.returnvalue,
    data: job.data,
  });
});

queue.waitUntilReady().then(() => app.listen(port, "127.0.0.1", () => console.log("ready")));
