const { cpuClock } = require("./usage");
const { wrk } = require("./wrk");

/** A prefix of identifiers that no other run of wrk uses. */
let runs = 0;
function prefix() {
  return `${process.pid}-${++runs}-`;
}

/**
 * Posts tasks for so many seconds and waits until the last of them is final: finished tasks per second from the first request
 * to the last result.
 *
 * @param {{ url: string | string[], path: string, seconds: number, size?: number, connections?: number, bytes?: number, endpoint?: string,
 *   pids: Record<string, number>, count: () => Promise<number>, untilDone: () => Promise<number> }} how `count`: tasks so far
 */
async function postAndFinish(how) {
  const { url, path, seconds, size = 1, connections = 64, bytes = 0, endpoint = "", pids, count, untilDone } = how;
  const before = await count();
  const cpu = cpuClock(pids);
  const began = performance.now();
  // Several APIs share the connections.
  const urls = [url].flat();
  const each = Math.max(1, Math.round(connections / urls.length));
  const loads = await Promise.all(
    urls.map((one) =>
      wrk("post.lua", one, {
        seconds,
        connections: each,
        args: [prefix(), path, String(size), String(bytes), endpoint],
      }),
    ),
  );
  const errors = loads.reduce((sum, load) => sum + load.errors, 0);
  if (errors > 0) throw new Error(`${errors} requests to ${urls.join(", ")}${path} failed.`);
  const ended = await untilDone();
  const used = cpu();
  const tasks = (await count()) - before;
  return {
    value: tasks / ((ended - began) / 1000),
    tasks,
    lagMs: ended - began - seconds * 1000,
    p50: Math.max(...loads.map((load) => load.p50)),
    p99: Math.max(...loads.map((load) => load.p99)),
    cpuMicros: perTask(used, tasks),
  };
}

function perTask(used, tasks) {
  return Object.fromEntries(Object.entries(used).map(([name, seconds]) => [name, Math.round((seconds * 1e6) / tasks)]));
}

module.exports = { postAndFinish, perTask, prefix };
