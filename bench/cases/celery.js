const { execFile } = require("node:child_process");
const path = require("node:path");
const { promisify } = require("node:util");
const { postAndFinish } = require("../lib/measure");
const { startProgram } = require("../lib/processes");
const { PYTHON, requireProgram } = require("../lib/servers");
const { NOOP, pause, ROOT, startTasker } = require("../lib/tasker");
const { cpuClock } = require("../lib/usage");
const { perTask } = require("../lib/measure");

const execute = promisify(execFile);
const TASKS = 5000;
const PEERS = path.join(ROOT, "bench/peers");

/** No-op tasks through the same RabbitMQ: Celery with `acks_late`, two worker processes; tasker over HTTP as in `single`. */
module.exports = {
  name: "celery",
  title: `${TASKS} no-op tasks of Celery, \`acks_late\``,
  peer: "Celery",
  unit: "tasks/s",
  better: "higher",
  must: 3,
  goal: 6,
  seconds: { full: 4, quick: 3 },

  async open(servers) {
    await requireProgram("celery");
    const tasker = await startTasker(servers, { types: { noop: { ...NOOP, claim: "late", deliver: "one" } } });
    const vhost = await servers.newVhost();
    const env = { BENCH: JSON.stringify({ uri: vhost.uri.replace("amqp:", "pyamqp:") }), PYTHONPATH: PEERS };
    const args = [
      "-m",
      "celery",
      "-A",
      "celery_tasks",
      "worker",
      "--concurrency=2",
      "--loglevel=INFO",
      "--without-gossip",
    ];
    const options = { folder: servers.newFolder("celery"), cwd: PEERS, env, ready: /ready\.$/ };
    const worker = await startProgram("celery", PYTHON, args, options);
    const broker = await servers.broker();
    const left = () => {
      const text = broker.ctl(
        "list_queues",
        "-p",
        decodeURIComponent(new URL(vhost.uri).pathname.slice(1)),
        "name",
        "messages",
      );
      return Number(/^celery\s+(\d+)/m.exec(text)?.[1] ?? 0);
    };
    return {
      tasker: async (seconds) => {
        const result = await postAndFinish({
          ...{ url: tasker.url, path: "/noop", seconds, pids: tasker.pids },
          ...{ count: () => tasker.created(), untilDone: () => tasker.untilDone("noop") },
        });
        await tasker.settled();
        return result;
      },
      async peer(_seconds, { warm = false } = {}) {
        const tasks = warm ? 500 : TASKS;
        const cpu = cpuClock({ celery: worker.pid });
        const began = performance.now();
        await execute(PYTHON, [path.join(PEERS, "celery_send.py"), String(tasks)], {
          env: { ...process.env, ...env },
        });
        while (left() > 0) await pause(50);
        const took = (performance.now() - began) / 1000;
        return { value: tasks / took, tasks, cpuMicros: perTask(cpu(), tasks) };
      },
      close: () => Promise.all([tasker.stop(), worker.stop()]),
    };
  },
};
