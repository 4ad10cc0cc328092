const { postAndFinish } = require("../lib/measure");
const { startBullmq } = require("../lib/peers");
const { NOOP, startTasker } = require("../lib/tasker");

const VARIANTS = {
  single: { title: "single, `deliver: one`", type: { ...NOOP, claim: "late", deliver: "one" } },
  "single-endpoint": { title: "single, one named endpoint", type: { ...NOOP, claim: "late" }, endpoint: "e1" },
  "single-first": { title: "`single` with the default `claim: first`", type: { ...NOOP, deliver: "one" } },
};

/** `POST` → handler → final response in the database, over HTTP, 64 connections. */
module.exports = Object.entries(VARIANTS).map(([name, { title, type, endpoint }]) => ({
  name,
  title,
  peer: "Express + BullMQ",
  unit: "tasks/s",
  better: "higher",
  must: 1.4,
  goal: 2,
  seconds: { full: 4, quick: 3 },
  // Both sides' processes go on compiling for half a minute and more.
  warm: { full: 45, quick: 40 },

  async open(servers) {
    const tasker = await startTasker(servers, { types: { noop: type } });
    const bullmq = await startBullmq(servers);
    return {
      tasker: async (seconds) => {
        const result = await postAndFinish({
          ...{ url: tasker.url, path: "/noop", endpoint, seconds, pids: tasker.pids },
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
}));
