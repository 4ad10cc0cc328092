const { summary } = require("./stats");

/**
 * Measures the points of a part of the growth: those that stand together are measured in turn (1 2 3 1 2 3 …), as the cases'
 * two sides are, so that what the machine does beside it falls on all alike.
 *
 * A part: `{ name, title, x, series, open(servers, how) → groups }`. A group is opened, warmed, measured and closed before the next:
 * `() → Promise<{ points: { x, run(seconds, { warm }) → { [series]: number, cpuMicros? } }[], close() }>`.
 *
 * @param {{ rounds: number, seconds: number, quick: boolean, say: (text: string) => void }} how
 * @returns {Promise<{ name: string, title: string, x: object, series: object[], points: object[] }>} of each point and series:
 *   median, min, max and the runs
 */
async function runPart(part, servers, how) {
  const { rounds, seconds, say } = how;
  const points = [];
  for (const open of part.open(servers, how)) {
    const group = await open();
    try {
      const runs = group.points.map(() => []);
      for (const point of group.points) await point.run(Math.min(seconds, 2), { warm: true });
      for (let round = 1; round <= rounds; round++) {
        for (const [at, point] of group.points.entries()) {
          const result = await point.run(seconds, { warm: false });
          runs[at].push(result);
          say(`${part.name} ${point.x} ${round}/${rounds}: ${shown(part.series, result)}`);
        }
      }
      for (const [at, point] of group.points.entries()) points.push(summarized(point.x, part.series, runs[at]));
    } finally {
      await group.close();
    }
  }
  const { name, title, x, series, note } = part;
  return { name, title, x, series, note, rounds, seconds, points };
}

function summarized(x, series, runs) {
  const measured = series.filter(({ name }) => runs[0][name] !== undefined);
  return {
    x,
    values: Object.fromEntries(measured.map(({ name }) => [name, summary(runs.map((run) => run[name]))])),
    cpuMicros: runs.map((run) => run.cpuMicros),
  };
}

function shown(series, result) {
  return series
    .filter(({ name }) => result[name] !== undefined)
    .map(
      ({ name, unit }) => `${name} ${result[name] >= 100 ? Math.round(result[name]) : result[name].toFixed(2)} ${unit}`,
    )
    .join(", ");
}

module.exports = { runPart };
