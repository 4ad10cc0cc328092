/**
 * `npm run bench [-- --case NAME --quick --pairs N --write]`: measures tasker and what a team would take instead, in turn, on
 * private servers, and prints medians, spreads and ratios. `--write` puts them into docs/performance.md and .json.
 *
 * `--check` is for CI: two cases, quick, and exit code 1 where one falls far behind. A case passes by its ratio, or by the ratio
 * of the CPU that each side uses for a task, which other work on the machine disturbs far less.
 */
const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");

/** Far below what is reached, so that only a real loss fails. */
const FLOORS = { single: 0.4, polling: 0.4 };

const OPTIONS = {
  case: { type: "string", multiple: true },
  quick: { type: "boolean", default: false },
  pairs: { type: "string" },
  write: { type: "boolean", default: false },
  json: { type: "string" },
  check: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
};

main(async () => {
  const { values: options } = parseArgs({ options: OPTIONS });
  const cases = allCases();
  if (options.list) {
    for (const one of cases) console.log(`${one.name}  ${one.title}`);
    return 0;
  }
  if (options.check) Object.assign(options, { quick: true, case: options.case ?? Object.keys(FLOORS) });
  const chosen = options.case ? cases.filter((one) => options.case.includes(one.name)) : cases;
  const unknown = (options.case ?? []).find((name) => !cases.some((one) => one.name === name));
  if (unknown) throw new Error(`There is no case ${unknown}; there are ${cases.map((one) => one.name).join(", ")}.`);

  await ensureInstalled();
  if (!process.env.TASKER_BENCH_DIST) await ensureBuilt();
  const { Servers, requireProgram, versions } = require("../bench/lib/servers");
  const { installPeers, peerVersions } = require("../bench/lib/peers");
  const { runCase } = require("../bench/lib/run");
  const report = require("../bench/lib/report");
  const loadAtStart = report.machine().load;
  await requireProgram("wrk");
  await installPeers();

  const pairs = Number(options.pairs ?? (options.quick ? 2 : 5));
  const results = [];
  const failed = [];
  for (const one of chosen) {
    // Servers of its own for each case: none pays for what another has stored.
    const servers = new Servers();
    try {
      results.push(await runCase(one, servers, { pairs, quick: options.quick, say: (text) => console.error(text) }));
    } catch (error) {
      failed.push(one.name);
      console.error(`${one.name} could not be measured: ${error.stack}`);
      continue;
    } finally {
      await servers.close();
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
  return options.check ? check(results, report.cpuRatio) : 0;
});

function check(results, cpuRatio) {
  let failed = 0;
  for (const one of results) {
    const floor = FLOORS[one.name] ?? 0;
    const cpu = cpuRatio(one);
    const passed = one.ratio.median >= floor || cpu >= floor;
    const figures = `${one.ratio.median.toFixed(2)} × by speed, ${cpu.toFixed(2)} × by CPU, at least ${floor} × by either`;
    console.error(`${one.name}: ${passed ? "passed" : "FAILED"} (${figures})`);
    if (!passed) failed++;
  }
  return failed > 0 ? 1 : 0;
}

function allCases() {
  const folder = path.join(ROOT, "bench/cases");
  const files = fs.readdirSync(folder).filter((file) => file.endsWith(".js"));
  return files.flatMap((file) => require(path.join(folder, file))).filter((one) => one.open);
}
