const fs = require("node:fs");
const path = require("node:path");
const { bounded, Clock } = require("../lib/bounded");
const { installPeers, peerVersions } = require("../lib/peers");
const report = require("../lib/report");
const { runCase, warmSeconds } = require("../lib/run");
const { Servers, requireProgram, versions } = require("../lib/servers");

/** Far below the usual figures, so that only a real loss fails. */
const FLOORS = { single: 0.4, polling: 0.4 };
/** Seconds to start and warm the servers and processes of a case. */
const START_SECONDS = 30;
/** Pairs for a case that looked too slow in one pair of `--check`, since other work may have interfered. */
const PAIRS_AGAIN = 3;

/** Measures tasker and its peers in turn, case after case; `check`: only whether the floors hold. */
async function compare(options) {
  const cases = allCases();
  if (options.list) {
    for (const one of cases) console.log(`${one.name}  ${one.title}`);
    return 0;
  }
  if (options.check) Object.assign(options, { quick: true, case: options.case ?? Object.keys(FLOORS) });
  const chosen = options.case ? cases.filter((one) => options.case.includes(one.name)) : cases;
  const unknown = (options.case ?? []).find((name) => !cases.some((one) => one.name === name));
  if (unknown) throw new Error(`There is no case ${unknown}; there are ${cases.map((one) => one.name).join(", ")}.`);
  const pairs = Number(options.pairs ?? (options.check ? 1 : options.quick ? 2 : 5));
  const sides = (one) => warmSeconds(one, options) + pairs * (one.seconds[options.quick ? "quick" : "full"] + 1);
  const expected = (one) => START_SECONDS + 2 * sides(one);
  const clock = new Clock(chosen.map((one) => ({ name: one.name, seconds: expected(one) })));
  console.error(clock.announced());

  const loadAtStart = report.machine().load;
  await requireProgram("wrk");
  await installPeers();
  const results = [];
  const failed = [];
  for (const one of chosen) {
    // Servers of its own for each case: none pays for what another has stored.
    const servers = new Servers();
    try {
      const how = { pairs, quick: options.quick, check: options.check, say: (text) => console.error(text) };
      const measure = (more) => bounded(one.name, expected(one), () => runCase(one, servers, { ...how, ...more }));
      const result = await measure();
      results.push(options.check && !standing(result).passed ? await measure({ pairs: PAIRS_AGAIN }) : result);
    } catch (error) {
      failed.push(one.name);
      console.error(`${one.name} could not be measured: ${error.stack}`);
      continue;
    } finally {
      await servers.close();
      console.error(clock.after(one.name));
    }
    const whole = {
      at: new Date().toISOString(),
      pairs,
      quick: options.quick,
      machine: report.machine(),
      loadAtStart,
      versions: versions(peerVersions()),
      results,
    };
    // After each case: what has been measured stands even if a later one fails.
    if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(whole, null, 2)}\n`);
    if (options.write) report.write(whole);
  }
  console.log(report.table(results));
  if (failed.length > 0) throw new Error(`Not measured: ${failed.join(", ")}; the reasons stand above.`);
  return options.check ? check(results) : 0;
}

function check(results) {
  let failed = 0;
  for (const one of results) {
    const { passed, floor, cpu } = standing(one);
    const figures = `${one.ratio.median.toFixed(2)} × by speed, ${cpu.toFixed(2)} × by CPU, at least ${floor} × by either`;
    console.error(`${one.name}: ${passed ? "passed" : "FAILED"} (${figures})`);
    if (!passed) failed++;
  }
  return failed > 0 ? 1 : 0;
}

function standing(one) {
  const floor = FLOORS[one.name] ?? 0;
  const cpu = report.cpuRatio(one);
  return { floor, cpu, passed: one.ratio.median >= floor || cpu >= floor };
}

function allCases() {
  const folder = path.join(__dirname, "../cases");
  const files = fs.readdirSync(folder).filter((file) => file.endsWith(".js"));
  return files.flatMap((file) => require(path.join(folder, file))).filter((one) => one.open);
}

module.exports = { allCases, compare };
