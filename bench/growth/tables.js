const { postAndFinish } = require("../lib/measure");
const { SEED_TYPES, flushed, multiply, performTemplates } = require("../lib/seed");
const { startTasker } = require("../lib/tasker");
const { wrk } = require("../lib/wrk");

const SIZES = { full: [0, 1_000_000, 5_000_000], quick: [0, 2_000, 10_000] };
/** Number of tasks, spread over the whole table, that are read one after the other. */
const READ = 500;
/** Larger buffers than a test server's, as for a table of five million; still a small part of the tables. */
const BUFFERS = { innodb_buffer_pool_size: 1024 ** 3, innodb_log_file_size: 1024 ** 3 };

/** Requests with many finished tasks in the tables, whose number must not matter. */
module.exports = {
  name: "tables",
  title: "Finished tasks in the tables",
  x: { name: "finished tasks in the tables", scale: "category" },
  series: [
    { name: "single", unit: "tasks/s", title: "POST to final response" },
    { name: "batch", unit: "tasks/s", title: "batches of 100 to final response" },
    { name: "read", unit: "requests/s", title: "reads of single tasks" },
    { name: "list", unit: "requests/s", title: "lists" },
    { name: "post p50", unit: "ms", title: "POST, median" },
    { name: "post p99", unit: "ms", title: "POST, p99" },
    { name: "read p50", unit: "ms", title: "read, median" },
    { name: "list p50", unit: "ms", title: "list, median" },
  ],
  note: "Lists: a page of fifty of all tasks, of one type, of what has succeeded, of an endpoint, and a page from the middle of the table, in turn. Read: five hundred tasks spread over the whole table, in turn. Eight connections for lists, 64 else. The empty tables are emptied before each round. Buffers of 1 GB.",

  open: (servers, { quick }) => [
    async () => {
      await servers.configureDatabase(BUFFERS);
      const points = [];
      for (const size of SIZES[quick ? "quick" : "full"]) points.push(await pointOf(servers, size));
      await flushed((await servers.database()).uri);
      return { points, close: () => Promise.all(points.map((point) => point.tasker.stop())) };
    },
  ],
};

async function pointOf(servers, size) {
  const database = await servers.newDatabase();
  const options = { types: SEED_TYPES, managers: [["e1", "e2"]], database };
  if (size > 0) {
    const first = await startTasker(servers, options);
    await performTemplates(first);
    await first.stop();
    await multiply(database.uri, size);
  }
  const tasker = await startTasker(servers, options);
  return { x: size, tasker, run: (seconds) => run(tasker, size, seconds) };
}

async function run(tasker, size, seconds) {
  if (size === 0) await empty(tasker);
  const counted = { count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") };
  const { url, pids } = tasker;
  const single = await postAndFinish({ url, path: "/noop", seconds, pids, ...counted });
  await tasker.settled();
  const batch = await postAndFinish({ url, path: "/noop/batch", size: 100, connections: 8, seconds, pids, ...counted });
  await tasker.settled();
  const paths = await spread(tasker);
  const middle = paths[paths.length >> 1].split("/")[2];
  const lists = ["/tasks", "/noop", "/tasks?status=succeeded", "/tasks?endpoint=e1", `/tasks?after=${middle}`];
  const read = await get(tasker, paths, seconds);
  const list = await get(tasker, lists, seconds, 8);
  return {
    single: single.value,
    batch: batch.value,
    read: read.requests / read.seconds,
    list: list.requests / list.seconds,
    "post p50": single.p50,
    "post p99": single.p99,
    "read p50": read.p50,
    "list p50": list.p50,
    cpuMicros: { single: single.cpuMicros, batch: batch.cpuMicros },
  };
}

async function get(tasker, paths, seconds, connections = 64) {
  const load = await wrk("get.lua", tasker.url, {
    seconds: Math.max(1, Math.round(seconds)),
    connections,
    args: paths.flatMap((path) => ["-", path]),
  });
  if (load.errors > 0) throw new Error(`${load.errors} reads of ${paths[0]} and others failed.`);
  return load;
}

/** Paths of tasks from the oldest to the newest, evenly spaced in time. */
async function spread(tasker) {
  const [ends] = await tasker.query("SELECT MIN(id) AS first, MAX(id) AS last FROM tasks");
  const ms = (id) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  const [from, to] = [ms(ends.first), ms(ends.last)];
  const paths = [];
  for (let n = 0; n < READ; n++) {
    const time = Math.floor(from + ((to - from) * n) / READ)
      .toString(16)
      .padStart(12, "0");
    const at = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
    const [row] = await tasker.query("SELECT id, type FROM tasks WHERE id >= ? ORDER BY id LIMIT 1", [at]);
    if (row) paths.push(`/${row.type}/${row.id}`);
  }
  return paths;
}

/** The tasks of earlier rounds. */
async function empty(tasker) {
  const rows = await tasker.query(
    "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'task_id'",
  );
  for (const { name } of rows) await tasker.query(`TRUNCATE TABLE ${name}`);
  await tasker.query("TRUNCATE TABLE tasks");
}
