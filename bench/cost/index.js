const { postAndFinish } = require("../lib/measure");
const { counters, each, tableBytes } = require("../lib/counters");
const { NODE_OPTIONS, collected, watchMemory } = require("../lib/memory");
const { NOOP, pause, startTasker } = require("../lib/tasker");

const TYPES = { noop: { ...NOOP, deliver: "one" } };
const SIZES = {
  full: { tasks: 1_000_000, loadSeconds: 15, idleSeconds: 20 },
  quick: { tasks: 100_000, loadSeconds: 4, idleSeconds: 10 },
};
const CHECKPOINTS = 10;

/**
 * What tasker costs, in one go with the same processes: idle, under single posts, and through a million tasks in batches. After
 * each tenth of them garbage is collected and what is left is noted, so that growth can be told from garbage.
 *
 * @param {{ quick: boolean, tasks?: number, say: (text: string) => void }} how
 */
async function measureCost(servers, { quick, tasks: given, say }) {
  const sizes = { ...SIZES[quick ? "quick" : "full"], ...(given ? { tasks: given } : {}) };
  await servers.configureDatabase({ innodb_buffer_pool_size: 1024 ** 3, innodb_log_file_size: 1024 ** 3 });
  const tasker = await startTasker(servers, { types: TYPES, node: NODE_OPTIONS });
  try {
    const idle = await idleCost(tasker, sizes.idleSeconds);
    say(`idle: ${shown(idle.memory)}`);
    const load = await loadCost(tasker, sizes.loadSeconds);
    say(`single: ${Math.round(load.value)} tasks/s; ${shown(load.memory)}`);
    const many = await manyTasks(tasker, sizes.tasks, say);
    return { idle, load, many };
  } finally {
    await tasker.stop();
  }
}

async function idleCost(tasker, seconds) {
  await pause(5000);
  const stop = watchMemory(tasker.pids);
  const before = await tasker.query("SHOW GLOBAL STATUS LIKE 'Questions'");
  const cpu = require("../lib/usage").cpuClock(tasker.pids);
  await pause(seconds * 1000);
  const after = await tasker.query("SHOW GLOBAL STATUS LIKE 'Questions'");
  const used = cpu();
  return {
    memory: stop(),
    statementsPerSecond: (Number(after[0].Value) - Number(before[0].Value)) / seconds,
    cpuPercent: Object.fromEntries(Object.entries(used).map(([name, spent]) => [name, (spent / seconds) * 100])),
  };
}

async function loadCost(tasker, seconds) {
  const load = (length) =>
    postAndFinish({
      ...{ url: tasker.url, path: "/noop", seconds: length, pids: tasker.pids },
      ...{ count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") },
    });
  await load(Math.min(seconds, 5));
  await tasker.settled();
  const before = await counters(tasker);
  const stop = watchMemory(tasker.pids);
  const result = await load(seconds);
  const memory = stop();
  await tasker.settled();
  const after = await counters(tasker);
  return { ...result, memory, each: each(before, after, result.tasks) };
}

async function manyTasks(tasker, tasks, say) {
  const folder = tasker.folder;
  const watched = Object.entries(tasker.pids).filter(([name]) => /^(api|manager)/.test(name));
  const sizeBefore = await tableBytes(tasker);
  const first = await tasker.created();
  const stop = watchMemory(tasker.pids, 1000);
  const points = [];
  let cpuMicros = {};
  let began = performance.now();
  for (let part = 0; part <= CHECKPOINTS; part++) {
    while ((await tasker.created()) - first < (tasks * part) / CHECKPOINTS) {
      ({ cpuMicros } = await postAndFinish({
        ...{ url: tasker.url, path: "/noop/batch", size: 100, connections: 8, seconds: tasks >= 500_000 ? 5 : 1 },
        ...{ pids: tasker.pids, count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") },
      }));
    }
    await tasker.settled();
    const done = (await tasker.created()) - first;
    const seconds = (performance.now() - began) / 1000;
    const memory = {};
    for (const [name, pid] of watched) memory[name] = await collected({ pid, folder });
    points.push({ tasks: done, perSecond: part === 0 ? 0 : (done - points.at(-1).tasks) / seconds, memory });
    say(`${done.toLocaleString("en")} tasks, ${Math.round(points.at(-1).perSecond)}/s: ${heaps(memory)}`);
    began = performance.now();
  }
  const size = await tableBytes(tasker);
  return {
    tasks: points.at(-1).tasks,
    points,
    memory: stop(),
    cpuMicros,
    each: each(sizeBefore, size, points.at(-1).tasks),
  };
}

function shown(memory) {
  return Object.entries(memory)
    .map(([name, { median, max }]) => `${name} ${median.toFixed(1)} MB (most ${max.toFixed(1)})`)
    .join(", ");
}

function heaps(memory) {
  return Object.entries(memory)
    .map(
      ([name, { heapMb, residentMb }]) => `${name} heap ${heapMb.toFixed(1)} MB, resident ${residentMb.toFixed(1)} MB`,
    )
    .join("; ");
}

module.exports = { measureCost };
