const { prefix } = require("../lib/measure");
const { startBullmq } = require("../lib/peers");
const { NOOP, startTasker } = require("../lib/tasker");
const { cpuClock } = require("../lib/usage");
const { perTask } = require("../lib/measure");
const { wrk } = require("../lib/wrk");

const FINISHED = 50;

/** `GET` of finished tasks, 64 connections, with and without `If-None-Match`. */
module.exports = [
  { name: "polling", title: "reading a finished task", conditional: false },
  { name: "polling-304", title: "reading it with `If-None-Match`", conditional: true },
].map(({ name, title, conditional }) => ({
  name,
  title,
  peer: "Express + BullMQ `getJob`",
  unit: "requests/s",
  better: "higher",
  must: 1,
  goal: 1.5,
  seconds: { full: 4, quick: 2 },

  async open(servers) {
    const tasker = await startTasker(servers, { types: { noop: { ...NOOP, deliver: "one" } } });
    const bullmq = await startBullmq(servers);
    const mark = prefix();
    const tasks = Array.from({ length: FINISHED }, (_, n) => ({ identifier: `${mark}${n}`, payload: { n } }));
    const stored = await tasker.post("/noop/batch", { tasks });
    const ids = await bullmq.addBatch(tasks);
    await tasker.untilDone("noop");
    await bullmq.untilDone();
    await tasker.settled();
    const ours = stored.results.map(({ task }) => `/noop/${task.id}`);
    const theirs = ids.map((id) => `/jobs/${id}`);
    const read = async (side, paths, seconds) => {
      const args = [];
      for (const path of paths) {
        const etag = conditional ? (await fetch(side.url + path)).headers.get("etag") : "-";
        args.push(etag, path);
      }
      const cpu = cpuClock(side.pids);
      const load = await wrk("get.lua", side.url, { seconds, args });
      if (load.errors > 0) throw new Error(`${load.errors} reads at ${side.url} failed.`);
      return {
        value: load.requests / load.seconds,
        p50: load.p50,
        p99: load.p99,
        cpuMicros: perTask(cpu(), load.requests),
      };
    };
    return {
      tasker: (seconds) => read(tasker, ours, seconds),
      peer: (seconds) => read(bullmq, theirs, seconds),
      close: () => Promise.all([tasker.stop(), bullmq.stop()]),
    };
  },
}));
