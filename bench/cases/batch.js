const { postAndFinish } = require("../lib/measure");
const { startBullmq } = require("../lib/peers");
const { NOOP, startTasker } = require("../lib/tasker");

const SIZE = 100;
const CONNECTIONS = 8;

const VARIANTS = {
  batch: { title: "batch of 100", type: { ...NOOP, claim: "late", deliver: "one" } },
  "batch-first": { title: "`batch` with the default `claim: first`", type: { ...NOOP, deliver: "one" } },
};

/** 100 tasks in one request, until their final responses. */
module.exports = Object.entries(VARIANTS).map(([name, { title, type }]) => ({
  name,
  title,
  peer: "Express + BullMQ `addBulk`",
  unit: "tasks/s",
  better: "higher",
  must: 1.2,
  goal: 2,
  seconds: { full: 4, quick: 3 },

  async open(servers) {
    const tasker = await startTasker(servers, { types: { noop: type } });
    const bullmq = await startBullmq(servers);
    return {
      tasker: async (seconds) => {
        const result = await postAndFinish({
          ...{ url: tasker.url, path: "/noop/batch", size: SIZE, connections: CONNECTIONS, seconds, pids: tasker.pids },
          ...{ count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") },
        });
        await tasker.settled();
        return result;
      },
      peer: (seconds) =>
        postAndFinish({
          ...{ url: bullmq.url, path: "/jobs/batch", size: SIZE, connections: CONNECTIONS, seconds, pids: bullmq.pids },
          ...{ count: bullmq.completed, untilDone: bullmq.untilDone },
        }),
      close: () => Promise.all([tasker.stop(), bullmq.stop()]),
    };
  },
}));
