import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import type { TaskerProgram } from "./support/process";
import { report } from "./support/report";
import { freeze, servers } from "./support/servers";
import { Stage } from "./support/stage";

/**
 * Faults at random under load, one after the other with some time to breathe, then everything is healed and checked. All that
 * is random comes from the seed: the same seed gives the same faults in the same order with the same lengths.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    every: { type: "string", default: "20" },
    load: { type: "string", default: "20" },
  },
});
const [minutes, seed, every, rate] = [values.minutes, values.seed, values.every, values.load].map(Number) as number[];

interface Place {
  endpoint: string | null;
  slot: string;
  program: TaskerProgram;
  /** Of this process. */
  looks: number;
  /** Figures when it had warmed up, and the last ones. */
  first: Figures | null;
  last: Figures | null;
}

interface Figures {
  rss: number;
  fds: number;
}

type FaultKind = (stage: Stage, places: Place[], random: Random) => Promise<string>;
type Random = (below: number) => number;

const FAULTS: FaultKind[] = [
  async (stage, places, random) => {
    const place = places[1 + random(places.length - 1)]!;
    const pauseMs = random(3000);
    await stage.kill(place.program);
    await sleep(pauseMs);
    await restart(stage, place);
    return `SIGKILL the manager of ${place.endpoint}, back after ${pauseMs} ms`;
  },
  async (stage, places, random) => {
    const pauseMs = random(3000);
    await stage.kill(places[0]!.program);
    await sleep(pauseMs);
    await restart(stage, places[0]!);
    return `SIGKILL the API, back after ${pauseMs} ms`;
  },
  async (stage, places, random) => {
    const place = places[random(places.length)]!;
    await place.program.stop();
    await restart(stage, place);
    return `SIGTERM and restart of ${place.endpoint ?? "the API"}`;
  },
  async (stage, places, random) => {
    const place = places[random(places.length)]!;
    const ms = 1000 + random(9000);
    const fault = stage.mark("frozen", place.endpoint);
    place.program.signal("SIGSTOP");
    await sleep(ms);
    place.program.signal("SIGCONT");
    fault.over();
    return `SIGSTOP of ${place.endpoint ?? "the API"} for ${ms} ms`;
  },
  async (stage, _, random) => {
    const how = (["SIGKILL", "SIGTERM"] as const)[random(2)]!;
    const ms = random(5000);
    await stage.during("broker down", async () => {
      await stage.servers.broker.stop(how);
      await sleep(ms);
      await stage.servers.broker.start();
    });
    return `${how} the broker, down for ${ms} ms and its start`;
  },
  async (stage, _, random) => {
    const how = (["SIGKILL", "SIGTERM"] as const)[random(2)]!;
    const ms = random(5000);
    await stage.during("database down", async () => {
      await stage.servers.database.stop(how);
      await sleep(ms);
      await stage.servers.database.start();
    });
    return `${how} the database, down for ${ms} ms and its start`;
  },
  async (stage, _, random) => {
    const which = random(2) === 0 ? "broker" : "database";
    const ms = 2000 + random(13_000);
    await stage.during(`${which} frozen`, async () => {
      const thaw = freeze(stage.servers[which]);
      await sleep(ms);
      thaw();
    });
    return `SIGSTOP of the ${which} for ${ms} ms`;
  },
  async (stage, _, random) => {
    const which = random(2) === 0 ? "brokerProxy" : "databaseProxy";
    const direction = (["toServer", "toClient", "both"] as const)[random(3)]!;
    const ms = 1000 + random(10_000);
    await stage.during("black hole", async () => {
      stage[which].set({ mode: "blackhole", direction });
      await sleep(ms);
      stage[which].set({ mode: "pass" });
    });
    return `${which}: nothing passes (${direction}) for ${ms} ms`;
  },
  async (stage, _, random) => {
    const which = random(2) === 0 ? "brokerProxy" : "databaseProxy";
    const ms = 500 + random(5000);
    await stage.during("resets", async () => {
      stage[which].set({ mode: "rst" });
      await sleep(ms);
      stage[which].set({ mode: "pass" });
    });
    return `${which}: every connection is reset for ${ms} ms`;
  },
  async (stage, _, random) => {
    const which = random(2) === 0 ? "brokerProxy" : "databaseProxy";
    const bytes = 1000 + random(60_000);
    const direction = (["toServer", "toClient"] as const)[random(2)]!;
    await stage.during("cuts", async () => {
      stage[which].set({ mode: "dropAfter", bytes, direction });
      await sleep(5000);
      stage[which].set({ mode: "pass" });
    });
    return `${which}: connections are cut after ${bytes} bytes (${direction}) for 5 s`;
  },
  async (stage, _, random) => {
    const ms = 20 + random(300);
    stage.brokerProxy.set({ mode: "latency", ms });
    stage.databaseProxy.set({ mode: "latency", ms: Math.round(ms / 4) });
    await sleep(5000);
    stage.brokerProxy.set({ mode: "pass" });
    stage.databaseProxy.set({ mode: "pass" });
    return `latency of ${ms} ms to the broker, a quarter of it to the database, for 5 s`;
  },
];

/** A look every 5 s: half a minute until pools and handler processes are there. */
const WARM_LOOKS = 6;

async function restart(stage: Stage, place: Place): Promise<void> {
  const { endpoint, slot } = place;
  place.program =
    endpoint === null
      ? await stage.api({}, { wait: false })
      : await stage.manager(endpoint, { TASKER_TEST_SLOT: slot }, { wait: false });
  place.looks = 0;
}

function measure(places: Place[]): void {
  for (const place of places) {
    if (!place.program.running) continue;
    place.last = place.program.footprint();
    if (++place.looks <= WARM_LOOKS) place.first = place.last;
  }
}

/** mulberry32 */
function randomFrom(start: number): Random {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, below);
  };
}

async function run(): Promise<boolean> {
  console.log(`nemesis: ${minutes} minutes, a fault every ${every} s, ${rate} tasks/s to 3 endpoints, seed ${seed}`);
  const random = randomFrom(seed!);
  const on = await servers();
  const stage = await Stage.create(on, { work: { attempts: 20 }, more: { broker: { heartbeat: 5 } } });
  try {
    const open = { program: null as unknown as TaskerProgram, first: null, last: null, looks: 0 };
    const places: Place[] = [
      { endpoint: null, slot: "0", ...open },
      ...["a", "b", "c"].map((endpoint) => ({ endpoint, slot: "0", ...open })),
      { endpoint: "a", slot: "1", ...open },
    ];
    await Promise.all(places.map((place) => restart(stage, place)));
    await Promise.all(places.map((place) => place.program.ready()));
    const client = new Client(stage);
    const load = client.load(rate!, ["a", "b", "c"], { ms: 50 });
    const measuring = setInterval(() => measure(places), 5000);
    const end = performance.now() + minutes! * 60_000;
    let faults = 0;
    while (performance.now() < end) {
      const began = performance.now();
      const what = await FAULTS[random(FAULTS.length)]!(stage, places, random);
      const healed = performance.now();
      await Promise.all(places.map((place) => place.program.ready(90_000)));
      console.log(`${++faults}. ${what}; all ready ${((performance.now() - healed) / 1000).toFixed(1)} s later`);
      await sleep(Math.max(0, Math.min(end, began + every! * 1000) - performance.now()));
    }
    await load.stop();
    const verdict = await check(stage, client, { withinMs: 120_000 });
    clearInterval(measuring);
    measure(places);
    report(`nemesis, seed ${seed}`, faults, verdict);
    console.table(
      places.map(({ endpoint, slot, first, last }) => ({
        process: endpoint === null ? "api" : `manager ${endpoint}/${slot}`,
        "memory at first, MB": Math.round(first!.rss / 1024 ** 2),
        "memory at last, MB": Math.round(last!.rss / 1024 ** 2),
        "descriptors at first": first!.fds,
        "descriptors at last": last!.fds,
      })),
    );
    console.table([
      { answers: JSON.stringify(client.statuses), ...verdict, byStatus: JSON.stringify(verdict.byStatus) },
    ]);
    return Object.entries(CLEAN).every(([name, value]) => verdict[name as keyof typeof verdict] === value);
  } finally {
    await stage.close();
    await on.stop();
  }
}

run().then(
  (clean) => {
    process.exitCode = clean ? 0 : 1;
  },
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
