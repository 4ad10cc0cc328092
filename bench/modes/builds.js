const path = require("node:path");
const { warmSeconds } = require("../lib/run");
const { Servers, requireProgram } = require("../lib/servers");
const { summary } = require("../lib/stats");
const { ROOT } = require("../lib/tasker");
const { allCases } = require("./compare");

/** What a change to tasker itself is looked at with, unless cases are named. */
const CASES = ["single", "batch", "embedded", "fanout-100", "fanout-500", "latency", "polling"];

/**
 * This checkout's build beside another one (`--build FOLDER`, a `dist` with its dependencies above it),
 * case by case, in turn (A B B A …) in one run. The peers are not started.
 *
 * Speed depends on what else the machine does; the CPU that all processes together spend on one unit
 * of work hardly does.
 */
async function builds(options) {
  const names = options.case ?? CASES;
  const cases = names.map((name) => {
    const one = allCases().find((each) => each.name === name);
    if (!one || name === "celery") throw new Error(`No case ${name} can be measured without its peer.`);
    return one;
  });
  const pairs = Number(options.pairs ?? 5);
  await requireProgram("wrk");
  console.log("| case | unit | this build | the other | speed | CPU |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const one of cases) console.log(row(one, await measure(one, path.resolve(options.build), pairs)));
}

async function measure(one, other, pairs) {
  const sides = [];
  try {
    for (const build of [path.join(ROOT, "dist"), other]) {
      const servers = new Servers({ build, alone: true });
      sides.push({ servers, results: [] });
      sides.at(-1).case = await one.open(servers);
    }
    for (const side of sides) await side.case.tasker(warmSeconds(one, { quick: true }), { warm: true });
    for (let pair = 0; pair < pairs; pair++) {
      for (const side of pair % 2 === 0 ? sides : [...sides].reverse())
        side.results.push(await side.case.tasker(one.seconds.quick));
    }
    return sides.map(({ results }) => results);
  } finally {
    for (const side of sides) {
      await side.case?.close();
      await side.servers.close();
    }
  }
}

function row(one, [ours, theirs]) {
  const speed = (results) => summary(results.map(({ value }) => value)).median;
  const shown = (value) => (value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2));
  const ratio = (figureOf) => {
    const { median, min, max } = summary(ours.map((result, i) => figureOf(result) / figureOf(theirs[i])));
    return `**${median.toFixed(2)} ×** (${min.toFixed(2)}–${max.toFixed(2)})`;
  };
  const cpuOf = ({ cpuMicros }) => Object.values(cpuMicros).reduce((sum, micros) => sum + micros, 0);
  const cpu = ours[0].cpuMicros ? `${ratio(cpuOf)}: ${parts(ours)} : ${parts(theirs)} µs` : "–";
  const cells = [
    `\`${one.name}\``,
    one.unit,
    shown(speed(ours)),
    shown(speed(theirs)),
    ratio(({ value }) => value),
    cpu,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The median CPU of each process. */
function parts(results) {
  const medianOf = (name) => Math.round(summary(results.map(({ cpuMicros }) => cpuMicros[name])).median);
  return Object.keys(results[0].cpuMicros)
    .map((name) => `${name} ${medianOf(name)}`)
    .join(", ");
}

module.exports = { builds };
