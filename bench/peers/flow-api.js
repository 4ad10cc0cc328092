// Express in front of a BullMQ flow: a parent job with a child in each endpoint's queue; answers when the parent has completed.
const express = require("express");
const { FlowProducer, Queue, QueueEvents, Worker } = require("bullmq");

const { port, redis, endpoints } = JSON.parse(process.env.BENCH);
const connection = { host: "127.0.0.1", port: redis };
const flows = new FlowProducer({ connection });
const parents = new Queue("parents", { connection });
const events = new QueueEvents("parents", { connection });
const worker = new Worker("parents", async () => ({ ok: true }), {
  connection: { ...connection, maxRetriesPerRequest: null },
  concurrency: 100,
});
const app = express();
app.use(express.json());

app.post("/flows", async (req, res) => {
  const flow = await flows.add({
    name: "task",
    queueName: "parents",
    data: req.body,
    children: endpoints.map((queueName) => ({ name: "task", queueName, data: req.body })),
  });
  await flow.job.waitUntilFinished(events);
  res.json({ id: flow.job.id, responses: await flow.job.getChildrenValues().then((all) => Object.keys(all).length) });
});

Promise.all([parents.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]).then(() =>
  app.listen(port, "127.0.0.1", () => console.log("ready")),
);
process.on("SIGTERM", () => process.exit(0));
