const { cpuClock } = require("./usage");
const { wrk } = require("./wrk");

/** An identifier's beginning that no other run of wrk has. */
let runs = 0;
function prefix() {
  return `${process.pid}-${++runs}-`;
}

/**
 * Posts tasks for so many seconds and waits until the last of them is final: finished tasks per second from the first request
 * to the last result.
 *
 * @param {{ url: string, path: string, seconds: number, size?: number, connections?: number, pids: Record<string, number>,
 *   count: () => Promise<number>, untilDone: () => Promise<number> }} how `count`: tasks so far
 */
async function postAndFinish({ url, path, seconds, size = 1, connections = 64, pids, count, untilDone }) {
  const before = await count();
  const cpu = cpuClock(pids);
  const began = performance.now();
  const load = await wrk("post.lua", url, { seconds, connections, args: [prefix(), path, String(size)] });
  if (load.errors > 0) throw new Error(`${load.errors} requests to ${url}${path} failed.`);
  const ended = await untilDone();
  const used = cpu();
  const tasks = (await count()) - before;
  return {
    value: tasks / ((ended - began) / 1000),
    tasks,
    lagMs: ended - began - seconds * 1000,
    p50: load.p50,
    p99: load.p99,
    cpuMicros: perTask(used, tasks),
  };
}

function perTask(used, tasks) {
  return Object.fromEntries(Object.entries(used).map(([name, seconds]) => [name, Math.round((seconds * 1e6) / tasks)]));
}

module.exports = { postAndFinish, perTask, prefix };
