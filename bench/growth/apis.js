const { postAndFinish } = require("../lib/measure");
const { NOOP, startTasker } = require("../lib/tasker");

const COUNTS = [1, 2];

/** Several stateless API processes, and a client that uses all of them. */
module.exports = {
  name: "apis",
  title: "API processes",
  x: { name: "API processes", scale: "category" },
  series: [
    { name: "single", unit: "tasks/s", title: "POST to final response" },
    { name: "post p50", unit: "ms", title: "POST, median" },
    { name: "post p99", unit: "ms", title: "POST, p99" },
  ],
  note: "64 connections in all. On two cores a second one takes from the others what it adds; the CPU for each task tells what it would add on cores of its own.",

  open: (servers) => [
    async () => {
      const points = [];
      for (const apis of COUNTS) {
        const tasker = await startTasker(servers, { types: { noop: { ...NOOP, deliver: "one" } }, apis });
        const counted = { count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") };
        points.push({
          x: apis,
          tasker,
          async run(seconds) {
            const { urls, pids } = tasker;
            const { value, p50, p99, cpuMicros } = await postAndFinish({
              ...{ url: urls, path: "/noop", seconds, pids },
              ...counted,
            });
            await tasker.settled();
            return { single: value, "post p50": p50, "post p99": p99, cpuMicros };
          },
        });
      }
      return { points, close: () => Promise.all(points.map((point) => point.tasker.stop())) };
    },
  ],
};
