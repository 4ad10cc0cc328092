import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { Footprints, WARM_MS } from "./support/footprints";
import { launch, type Place, planFaults } from "./support/nemesis-faults";
import type { TaskerProgram } from "./support/process";
import { throughput, throughputAgain } from "./support/recovery";
import { judged, report } from "./support/report";
import { servers } from "./support/servers";
import { Stage } from "./support/stage";

/**
 * Faults at random under load, one after the other with some time to breathe, then everything is healed and checked. The faults
 * are drawn from the seed before the first one: the same seed gives the same faults. It is the soak as well: the load is half of
 * what the machine was just seen to do, unless one is given, and memory and descriptors must end as they were after the warm-up.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    every: { type: "string", default: "20" },
    load: { type: "string" },
    /** Prints the faults and ends. */
    plan: { type: "boolean", default: false },
  },
});
const [minutes, seed, every] = [values.minutes, values.seed, values.every].map(Number) as [number, number, number];

const FULL_LOAD_MS = 8_000;
/** Tasks a second: more would only make the checker's tables longer. */
const MAX_LOAD = 40;
const ENDPOINTS = ["a", "b", "c"];
const WHERE = [
  { endpoint: null, slot: "0" },
  ...ENDPOINTS.map((endpoint) => ({ endpoint, slot: "0" })),
  { endpoint: "a", slot: "1" },
];
const FINAL = "('succeeded', 'failed', 'cancelled', 'missed')";

const open = async (stage: Stage) =>
  (await stage.rows<{ n: number }>(`SELECT COUNT(*) AS n FROM task_responses WHERE status NOT IN ${FINAL}`))[0]!.n;

/** Tasks a second that all endpoints finish when as many come as can be taken. */
async function fullLoad(stage: Stage): Promise<number> {
  const client = new Client(stage);
  const from = Date.now();
  while (Date.now() < from + FULL_LOAD_MS) await client.burst(100, ENDPOINTS, { ms: 50 }, 30);
  const done = throughput(stage, from, Date.now()) / ENDPOINTS.length;
  while ((await open(stage)) > 0) await sleep(200);
  return done;
}

async function run(): Promise<boolean> {
  const faults = planFaults(seed, Math.max(1, Math.ceil((minutes * 60) / every)), WHERE);
  console.log(`nemesis: ${minutes} minutes, a fault every ${every} s, seed ${seed}. Planned:`);
  for (const [i, { what }] of faults.entries()) console.log(`  ${i + 1}. ${what}`);
  if (values.plan) return true;
  const on = await servers();
  const stage = await Stage.create(on, { work: { attempts: 20 }, more: { broker: { heartbeat: 5 } } });
  try {
    const places: Place[] = WHERE.map((where) => ({
      ...where,
      program: null as unknown as TaskerProgram,
      startedAt: 0,
    }));
    const ready = () => Promise.all(places.map((place) => place.program.ready(90_000)));
    await Promise.all(places.map((place) => launch(stage, place)));
    await ready();
    const full = values.load === undefined ? await fullLoad(stage) : Number(values.load) * 2;
    const rate = Math.min(MAX_LOAD, full / 2);
    console.log(`load: ${rate.toFixed(1)} tasks/s to ${ENDPOINTS.length} endpoints, of at most ${full.toFixed(1)}`);
    const client = new Client(stage);
    const load = client.load(rate, ENDPOINTS, { ms: 50 });
    const footprints = new Footprints(places);
    await sleep(WARM_MS + 5000);
    const before = throughput(stage, Date.now() - 10_000, Date.now());

    const end = performance.now() + minutes * 60_000;
    let done = 0;
    for (const fault of faults) {
      if (performance.now() >= end) break;
      const began = performance.now();
      await fault.run(stage, places);
      const healed = performance.now();
      await ready();
      const next = Math.min(end, began + every * 1000);
      console.log(`${++done}. ${fault.what}; ${await overAfter(stage, healed, next)}`);
      await sleep(Math.max(0, next - performance.now()));
    }
    const again = await throughputAgain(stage, before);
    await load.stop();
    const verdict = await check(stage, client, { withinMs: 120_000 });
    await sleep(Math.max(0, ...places.map((place) => place.startedAt + WARM_MS + 1000 - performance.now())));
    footprints.stop();
    report(`nemesis, seed ${seed}`, done, verdict, [again]);
    console.table(footprints.table());
    const clean = Object.entries(CLEAN).every(([name, value]) => verdict[name as keyof typeof verdict] === value);
    const kept = judged(again).kept;
    console.table({
      "faults injected": done,
      "tasks accepted": verdict.accepted,
      answers: JSON.stringify(client.statuses),
      ...Object.fromEntries(Object.keys(CLEAN).map((name) => [name, verdict[name as keyof typeof verdict]])),
      "ran again, touched by a fault": verdict.repeated,
      "memory and descriptors flat": footprints.flat,
      "throughput after the last heal": judged(again).text,
      held: clean && kept && footprints.flat ? "everything" : "NOT EVERYTHING",
    });
    if (!clean || !kept || !footprints.flat) console.log(`Again with: npm run test:nemesis -- --seed ${seed}`);
    return clean && kept && footprints.flat;
  } finally {
    await stage.close();
    await on.stop();
  }
}

/** Waits until everything that was stored by the heal is final, at the longest until `end`. */
async function overAfter(stage: Stage, healed: number, end: number): Promise<string> {
  const [{ at }] = (await stage.rows<{ at: string }>("SELECT MAX(task_id) AS at FROM task_responses")) as [
    { at: string },
  ];
  const left = async () =>
    (
      await stage.rows<{ n: number }>(
        `SELECT COUNT(*) AS n FROM task_responses WHERE task_id <= '${at}' AND status NOT IN ${FINAL}`,
      )
    )[0]!.n;
  for (;;) {
    const n = await left();
    const seconds = ((performance.now() - healed) / 1000).toFixed(1);
    if (n === 0) return `over ${seconds} s after the heal`;
    if (performance.now() >= end) return `${n} responses still open ${seconds} s after the heal`;
    await sleep(100);
  }
}

run().then(
  (held) => {
    process.exitCode = held ? 0 : 1;
  },
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
