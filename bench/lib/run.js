const { summary } = require("./stats");

/**
 * Runs one case: both sides are brought up and warmed, then measured in turn (A B A B …), so that what the machine does
 * beside it falls on both alike.
 *
 * @param {{ pairs: number, quick: boolean, check?: boolean, say: (text: string) => void }} how
 */
async function runCase(one, servers, { pairs, quick, check, say }) {
  const seconds = one.seconds[quick ? "quick" : "full"];
  const sides = await one.open(servers);
  const results = { tasker: [], peer: [] };
  try {
    for (const side of ["tasker", "peer"]) await sides[side](warmSeconds(one, { quick, check }), { warm: true });
    for (let pair = 1; pair <= pairs; pair++) {
      for (const side of ["tasker", "peer"]) {
        const result = await sides[side](seconds);
        results[side].push(result);
        say(`${one.name} ${pair}/${pairs} ${side}: ${shown(result)}`);
      }
    }
  } finally {
    await sides.close();
  }
  return summarize(one, results);
}

/** Warm-up until a process has compiled its code; before that V8's compiler is measured. */
const WARM = { full: 30, quick: 20 };

/** Seconds of load on each side before the first measured pair. A check has a margin instead of time. */
function warmSeconds(one, { quick, check }) {
  return check ? 2 : (one.warm ?? WARM)[quick ? "quick" : "full"];
}

function summarize(one, { tasker, peer }) {
  const ratios = tasker.map((result, i) => result.value / peer[i].value);
  const ratio = summary(ratios);
  const met = (limit) => (one.better === "higher" ? ratio.median >= limit : ratio.median <= limit);
  return {
    name: one.name,
    title: one.title,
    peerName: one.peer,
    unit: one.unit,
    better: one.better,
    tasker: summary(tasker.map(({ value }) => value)),
    peer: summary(peer.map(({ value }) => value)),
    ratio,
    must: one.must,
    goal: one.goal,
    verdict: met(one.goal) ? "goal" : met(one.must) ? "must" : "missed",
    details: { tasker, peer },
  };
}

function shown({ value, cpuMicros, p50, p99 }) {
  const number = value >= 100 ? Math.round(value) : value.toFixed(2);
  const times = p50 === undefined ? "" : ` (p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms)`;
  const cpu = cpuMicros
    ? ` cpu µs each: ${Object.entries(cpuMicros)
        .map(([name, n]) => `${name} ${n}`)
        .join(", ")}`
    : "";
  return number + times + cpu;
}

module.exports = { runCase, warmSeconds };
