const { postAndFinish } = require("../lib/measure");
const { NOOP, startTasker } = require("../lib/tasker");

const COUNTS = [1, 2, 4];
const SHARED = { ...NOOP, deliver: "one" };

/**
 * Managers that share a type. With a no-op they compete for the cores that everything else runs on; with a handler that waits (20 ms,
 * ten at once in each manager) each adds what it can have under way.
 */
module.exports = {
  name: "managers",
  title: "Managers that share the work",
  x: { name: "manager processes", scale: "category" },
  series: [
    { name: "no-op", unit: "tasks/s", title: "no-op" },
    { name: "20 ms", unit: "tasks/s", title: "a handler of 20 ms, ten at once each" },
  ],
  note: "All on the two cores that the API, the database and the broker run on. What ten handlers of 20 ms can do at best: 500/s for each manager.",

  open: (servers) => [
    async () => {
      const points = [];
      for (const count of COUNTS) {
        const tasker = await startTasker(servers, {
          types: { noop: SHARED, nap: { ...SHARED, handler: "nap", concurrency: 10 } },
          managers: Array.from({ length: count }, (_, n) => [`e${n + 1}`]),
        });
        points.push({ x: count, tasker, run: (seconds) => run(tasker, count, seconds) });
      }
      return { points, close: () => Promise.all(points.map((point) => point.tasker.stop())) };
    },
  ],
};

async function run(tasker, count, seconds) {
  const { url, pids } = tasker;
  const load = (type) => ({
    url,
    seconds,
    pids,
    count: () => tasker.created(),
    untilDone: () => tasker.untilDone(type),
  });
  const noop = await postAndFinish({ ...load("noop"), path: "/noop" });
  await tasker.settled();
  const began = performance.now();
  await nap(tasker, count, seconds);
  const napped = performance.now() - began;
  await tasker.settled();
  return { "no-op": noop.value, "20 ms": (naps(count, seconds) * 1000) / napped, cpuMicros: noop.cpuMicros };
}

/** About as many tasks as the managers can perform in that time, stored at once. */
const naps = (count, seconds) => Math.round((count * 500 * seconds) / 100) * 100;

let batches = 0;
async function nap(tasker, count, seconds) {
  for (let left = naps(count, seconds); left > 0; left -= 100) {
    const batch = ++batches;
    const tasks = Array.from({ length: 100 }, (_, n) => ({
      identifier: `nap-${process.pid}-${batch}-${n}`,
      payload: {},
    }));
    await tasker.post("/nap/batch", { tasks });
  }
  await tasker.untilDone("nap");
}
