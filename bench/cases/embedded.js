const { postAndFinish } = require("../lib/measure");
const { startBullmq } = require("../lib/peers");
const { NOOP, startTasker } = require("../lib/tasker");

/** As `single`, with all of tasker in one process on SQLite (WAL, synchronous=FULL). */
module.exports = {
  name: "embedded",
  title: "single, embedded in one process",
  peer: "Express + BullMQ",
  unit: "tasks/s",
  better: "higher",
  must: 1,
  goal: 1.5,
  seconds: { full: 4, quick: 3 },
  // Both sides' processes go on compiling for half a minute and more.
  warm: { full: 45, quick: 40 },

  async open(servers) {
    const tasker = await startTasker(servers, {
      types: { noop: { ...NOOP, claim: "late", deliver: "one" } },
      embedded: true,
    });
    const bullmq = await startBullmq(servers);
    return {
      tasker: async (seconds) => {
        const result = await postAndFinish({
          ...{ url: tasker.url, path: "/noop", seconds, pids: tasker.pids },
          ...{ count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") },
        });
        await tasker.settled();
        return result;
      },
      peer: (seconds) =>
        postAndFinish({
          ...{ url: bullmq.url, path: "/jobs", seconds, pids: bullmq.pids },
          ...{ count: bullmq.completed, untilDone: bullmq.untilDone },
        }),
      close: () => Promise.all([tasker.stop(), bullmq.stop()]),
    };
  },
};
