const { dealt, streamed } = require("../lib/fanout");
const { installPeers, startBroadcast, startFlow } = require("../lib/peers");
const { prefix, perTask } = require("../lib/measure");
const { NOOP, startTasker } = require("../lib/tasker");
const { cpuClock } = require("../lib/usage");

const PROCESSES = 4;

/** One task to every endpoint until it is complete. One manager for each endpoint, in four processes; the client polls over HTTP. */
const FLOW = { peer: "BullMQ flow, a queue and a worker an endpoint", must: 1.5, goal: 5, start: startFlow };
/** The same against the broker alone: one transient publish to as many durable queues, until all are acked. */
const BROKER = { peer: "amqplib alone: publish, deliver, ack", must: 0.2, goal: 0.5, start: startBroadcast };

module.exports = [
  {
    name: "fanout-100",
    title: "a task to 100 endpoints, one after the other",
    endpoints: 100,
    depth: 1,
    against: FLOW,
  },
  {
    name: "fanout-500",
    title: "a task to 500 endpoints, one after the other",
    endpoints: 500,
    depth: 1,
    against: FLOW,
  },
  { name: "fanout-100-8", title: "to 100 endpoints, eight under way", endpoints: 100, depth: 8, against: FLOW },
  {
    name: "fanout-100-8-first",
    title: "the same with the default `claim: first`",
    endpoints: 100,
    depth: 8,
    claim: "first",
    against: FLOW,
  },
  { name: "broker-100", title: "to 100 endpoints, eight under way", endpoints: 100, depth: 8, against: BROKER },
  { name: "broker-500", title: "to 500 endpoints, eight under way", endpoints: 500, depth: 8, against: BROKER },
].map(({ name, title, endpoints, depth, claim = "late", against }) => ({
  name,
  title,
  peer: against.peer,
  unit: "responses/s",
  better: "higher",
  must: against.must,
  goal: against.goal,
  seconds: { full: 4, quick: 3 },
  // Four processes have to compile what they run, each with a quarter of the responses.
  warm: { full: 40, quick: 30 },

  async open(servers) {
    if (!servers.alone) await installPeers();
    const hands = dealt(endpoints, PROCESSES);
    const tasker = await startTasker(servers, {
      types: { fan: { ...NOOP, claim, concurrency: 4, wait_for_endpoints_timeout: "60s" } },
      managers: hands,
      poolSize: 25,
    });
    const peer = await against.start(servers, hands);
    const mark = prefix();
    let n = 0;
    const ask = async () => {
      let task = await tasker.post("/fan?wait=30", { identifier: `${mark}${++n}`, payload: { n } });
      // On a slow machine a fan-out may take longer than one wait.
      for (let again = 0; task.completeness?.succeeded !== endpoints; again++) {
        if (again === 4) throw new Error(`Not complete: ${JSON.stringify(task.completeness ?? task).slice(0, 300)}`);
        task = await tasker.json(`/fan/${task.id}?wait=30`);
      }
    };
    const measured = async (one, pids, seconds) => {
      const cpu = cpuClock(pids);
      const result = await streamed(one, { endpoints, depth, seconds });
      return { ...result, cpuMicros: perTask(cpu(), result.tasks * endpoints) };
    };
    return {
      tasker: async (seconds) => {
        const result = await measured(ask, tasker.pids, seconds);
        await tasker.settled();
        return result;
      },
      peer: (seconds) => measured(peer.one, peer.pids, seconds),
      close: () => Promise.all([tasker.stop(), peer.stop()]),
    };
  },
}));
