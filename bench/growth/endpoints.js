const { dealt, streamed } = require("../lib/fanout");
const { perTask, prefix } = require("../lib/measure");
const { NOOP, startTasker } = require("../lib/tasker");
const { cpuClock } = require("../lib/usage");

const COUNTS = { full: [1, 10, 100, 1000, 2000], quick: [1, 10, 100] };
const PROCESSES = 4;

/** One task to every endpoint until all have finished it, one task after the other. The managers run in four processes. */
module.exports = {
  name: "endpoints",
  title: "Endpoints of one task",
  x: { name: "endpoints", scale: "log" },
  series: [
    { name: "responses", unit: "responses/s", title: "responses" },
    { name: "complete", unit: "ms", title: "from POST until all have finished" },
  ],
  note: "One task at a time, a manager an endpoint, in four processes with 25 database connections each.",

  open: (servers, { quick }) =>
    COUNTS[quick ? "quick" : "full"].map((endpoints) => async () => {
      await servers.configureDatabase({ max_connections: 1000 });
      const tasker = await startTasker(servers, {
        types: { fan: { ...NOOP, concurrency: 4, wait_for_endpoints_timeout: "60s" } },
        managers: dealt(endpoints, PROCESSES),
        poolSize: 25,
        // Two thousand registrations at once.
        readyMs: 300_000,
      });
      const mark = prefix();
      let n = 0;
      const one = async () => {
        let task = await tasker.post("/fan?wait=30", { identifier: `${mark}${++n}`, payload: { n } });
        for (let again = 0; !task.completeness?.complete && again < 4; again++) {
          task = await tasker.json(`/fan/${task.id}?wait=30`);
        }
        if (task.completeness?.succeeded !== endpoints) throw new Error(await whyNot(tasker, task));
      };
      const run = async (seconds) => {
        const cpu = cpuClock(tasker.pids);
        const { value, tasks } = await streamed(one, { endpoints, depth: 1, seconds });
        const cpuMicros = perTask(cpu(), tasks * endpoints);
        await tasker.settled();
        return { responses: value, complete: (endpoints / value) * 1000, cpuMicros };
      };
      return { points: [{ x: endpoints, run }], close: () => tasker.stop() };
    }),
};

async function whyNot(tasker, task) {
  const { items = [] } = await tasker.json(`/fan/${task.id}/responses?status=failed,missed&limit=3`);
  return `Not all have succeeded: ${JSON.stringify({ completeness: task.completeness, items }).slice(0, 2000)}`;
}
