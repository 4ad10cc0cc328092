const fs = require("node:fs");
const path = require("node:path");
const { prefix } = require("../lib/measure");
const { startBullmq } = require("../lib/peers");
const { percentile } = require("../lib/stats");
const { NOOP, pause, startTasker } = require("../lib/tasker");

/** The system is idle between two tasks, so that no batch and no busy loop hides a wait. */
const GAP_MS = 10;

/** Idle: from sending a `POST` to the start of its handler. */
module.exports = [
  { name: "latency", title: "idle `POST` → handler starts, median", part: 0.5 },
  { name: "latency-p99", title: "idle `POST` → handler starts, p99", part: 0.99 },
].map(({ name, title, part }) => ({
  name,
  title,
  peer: "Express + BullMQ",
  unit: "ms",
  better: "lower",
  must: 2,
  goal: 1,
  seconds: { full: 5, quick: 3 },

  async open(servers) {
    const folder = servers.newFolder("stamps");
    const ours = path.join(folder, "tasker");
    const theirs = path.join(folder, "bullmq");
    for (const file of [ours, theirs]) fs.writeFileSync(file, "");
    const type = { ...NOOP, claim: "late", deliver: "one", handler: "stamp" };
    const tasker = await startTasker(servers, { types: { stamp: type }, env: { BENCH_STAMPS: ours } });
    const bullmq = await startBullmq(servers, { stamps: theirs });
    const mark = prefix();
    let n = 0;
    const run = async (address, stamps, untilDone, seconds) => {
      const sent = new Map();
      const until = performance.now() + seconds * 1000;
      while (performance.now() < until) {
        n++;
        const body = JSON.stringify({ identifier: `${mark}${n}`, payload: { n } });
        sent.set(n, process.hrtime.bigint());
        const answer = await fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body });
        await answer.arrayBuffer();
        if (answer.status !== 202) throw new Error(`${address} answered ${answer.status}.`);
        await pause(GAP_MS);
      }
      await untilDone();
      const took = [];
      for (const line of fs.readFileSync(stamps, "utf8").trim().split("\n")) {
        const [task, startedAt] = line.split(" ");
        const sentAt = sent.get(Number(task));
        if (sentAt !== undefined) took.push(Number(BigInt(startedAt) - sentAt) / 1e6);
      }
      fs.writeFileSync(stamps, "");
      if (took.length !== sent.size) throw new Error(`${sent.size} tasks were sent, ${took.length} started.`);
      return {
        value: percentile(took, part),
        p50: percentile(took, 0.5),
        p99: percentile(took, 0.99),
        tasks: took.length,
      };
    };
    return {
      tasker: (seconds) => run(`${tasker.url}/stamp`, ours, () => tasker.untilDone("stamp"), seconds),
      peer: (seconds) => run(`${bullmq.url}/jobs`, theirs, bullmq.untilDone, seconds),
      close: () => Promise.all([tasker.stop(), bullmq.stop()]),
    };
  },
}));
