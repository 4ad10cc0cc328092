import { setTimeout as sleep } from "node:timers/promises";
import type { TaskerProgram } from "./process";
import { freeze } from "./servers";
import type { Stage } from "./stage";

/** Where a program of the nemesis runs; faults put another process there. */
export interface Place {
  endpoint: string | null;
  slot: string;
  program: TaskerProgram;
  /** By performance.now(). */
  startedAt: number;
}

/** One fault with all its details drawn, so that a seed's faults are known before the first of them. */
export interface PlannedFault {
  what: string;
  run(stage: Stage, places: Place[]): Promise<void>;
}

type Random = (below: number) => number;
type Kind = (random: Random, places: ReadonlyArray<Pick<Place, "endpoint" | "slot">>) => PlannedFault;

const PROXIES = ["brokerProxy", "databaseProxy"] as const;
const SERVERS = ["broker", "database"] as const;

const KINDS: Kind[] = [
  (random, places) => {
    const at = 1 + random(places.length - 1);
    const ms = random(3000);
    return {
      what: `SIGKILL ${nameOf(places[at]!)}, back after ${ms} ms`,
      run: (stage, all) => killed(stage, all[at]!, ms),
    };
  },
  (random) => {
    const ms = random(3000);
    return { what: `SIGKILL the API, back after ${ms} ms`, run: (stage, all) => killed(stage, all[0]!, ms) };
  },
  (random, places) => {
    const at = random(places.length);
    return {
      what: `SIGTERM and restart of ${nameOf(places[at]!)}`,
      async run(stage, all) {
        await all[at]!.program.stop();
        await launch(stage, all[at]!);
      },
    };
  },
  (random, places) => {
    const at = random(places.length);
    const ms = 1000 + random(9000);
    return {
      what: `SIGSTOP of ${nameOf(places[at]!)} for ${ms} ms`,
      async run(stage, all) {
        const { program, endpoint } = all[at]!;
        const fault = stage.mark("frozen", endpoint);
        program.signal("SIGSTOP");
        await sleep(ms);
        program.signal("SIGCONT");
        fault.over();
      },
    };
  },
  ...SERVERS.map(
    (which): Kind =>
      (random) => {
        const how = (["SIGKILL", "SIGTERM"] as const)[random(2)]!;
        const ms = random(5000);
        return {
          what: `${how} the ${which}, down for ${ms} ms and its start`,
          run: (stage) =>
            stage.during(`${which} down`, async () => {
              await stage.servers[which].stop(how);
              await sleep(ms);
              await stage.servers[which].start();
            }),
        };
      },
  ),
  (random) => {
    const which = SERVERS[random(2)]!;
    const ms = 2000 + random(13_000);
    return {
      what: `SIGSTOP of the ${which} for ${ms} ms`,
      run: (stage) =>
        stage.during(`${which} frozen`, async () => {
          const thaw = freeze(stage.servers[which]);
          await sleep(ms);
          thaw();
        }),
    };
  },
  (random) => {
    const which = PROXIES[random(2)]!;
    const direction = (["toServer", "toClient", "both"] as const)[random(3)]!;
    const ms = 1000 + random(10_000);
    return {
      what: `${which}: nothing passes (${direction}) for ${ms} ms`,
      run: (stage) => through(stage, which, { mode: "blackhole", direction }, ms),
    };
  },
  (random) => {
    const which = PROXIES[random(2)]!;
    const ms = 500 + random(5000);
    return {
      what: `${which}: every connection is reset for ${ms} ms`,
      run: (stage) => through(stage, which, { mode: "rst" }, ms),
    };
  },
  (random) => {
    const which = PROXIES[random(2)]!;
    const bytes = 1000 + random(60_000);
    const direction = (["toServer", "toClient"] as const)[random(2)]!;
    return {
      what: `${which}: connections are cut after ${bytes} bytes (${direction}) for 5 s`,
      run: (stage) => through(stage, which, { mode: "dropAfter", bytes, direction }, 5000),
    };
  },
  (random) => {
    const ms = 20 + random(300);
    return {
      what: `latency of ${ms} ms to the broker, a quarter of it to the database, for 5 s`,
      async run(stage) {
        stage.brokerProxy.set({ mode: "latency", ms });
        stage.databaseProxy.set({ mode: "latency", ms: Math.round(ms / 4) });
        await sleep(5000);
        for (const proxy of PROXIES) stage[proxy].set({ mode: "pass" });
      },
    };
  },
];

/** The same seed and places give the same faults in the same order with the same lengths, however many of them are run. */
export function planFaults(
  seed: number,
  count: number,
  places: ReadonlyArray<Pick<Place, "endpoint" | "slot">>,
): PlannedFault[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => KINDS[random(KINDS.length)]!(random, places));
}

/** Starts the place's program; does not wait until it is ready. */
export async function launch(stage: Stage, place: Place): Promise<void> {
  const { endpoint, slot } = place;
  place.program =
    endpoint === null
      ? await stage.api({}, { wait: false })
      : await stage.manager(endpoint, { TASKER_TEST_SLOT: slot }, { wait: false });
  place.startedAt = performance.now();
}

export function nameOf({ endpoint, slot }: Pick<Place, "endpoint" | "slot">): string {
  return endpoint === null ? "the API" : `manager ${endpoint}/${slot}`;
}

async function killed(stage: Stage, place: Place, pauseMs: number): Promise<void> {
  await stage.kill(place.program);
  await sleep(pauseMs);
  await launch(stage, place);
}

function through(
  stage: Stage,
  which: (typeof PROXIES)[number],
  mode: Parameters<Stage["brokerProxy"]["set"]>[0],
  ms: number,
): Promise<void> {
  return stage.during(`${which}: ${mode.mode}`, async () => {
    stage[which].set(mode);
    await sleep(ms);
    stage[which].set({ mode: "pass" });
  });
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
