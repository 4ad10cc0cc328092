/**
 * `npm run bench` measures tasker on private servers that are gone afterwards. Each way takes `--quick`, `--json FILE` (raw figures)
 * and `--write` (tables, pictures and raw figures into docs/performance.md, docs/images and docs/performance.json):
 *
 * - without more: tasker and what a team would take instead, in turn; medians, spreads and ratios. `--case NAME` (more than once:
 *   several), `--pairs N`, `--list`. `--check` is for CI: two cases, quick, and exit code 1 where one falls far behind. A case passes
 *   by its ratio, or by the ratio of the CPU that each side uses for a task, which other work on the machine disturbs far less.
 * - `--build FOLDER`: this checkout beside another build of tasker, without the peers. `--case`, `--pairs`.
 * - `--growth`: with more tasks in the tables, more endpoints, larger payloads, more processes. `--part NAME`, `--pairs N` rounds.
 * - `--cost`: memory, CPU, bytes, statements and disk. `--tasks N` instead of a million.
 */
const { parseArgs } = require("node:util");
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");

const OPTIONS = {
  build: { type: "string" },
  growth: { type: "boolean", default: false },
  cost: { type: "boolean", default: false },
  case: { type: "string", multiple: true },
  part: { type: "string", multiple: true },
  tasks: { type: "string" },
  quick: { type: "boolean", default: false },
  pairs: { type: "string" },
  write: { type: "boolean", default: false },
  json: { type: "string" },
  check: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
};

main(async () => {
  const { values: options } = parseArgs({ options: OPTIONS });
  endWithParent();
  await ensureInstalled();
  if (!options.list && !process.env.TASKER_BENCH_DIST) await ensureBuilt();
  if (options.build) return require("../bench/modes/builds").builds(options);
  if (options.growth) return require("../bench/modes/growth").growth(options);
  if (options.cost) return require("../bench/modes/cost").cost(options);
  return require("../bench/modes/compare").compare(options);
});

/** An npm that was killed cannot forward the signal, and an orphaned benchmark would disturb the next one. */
function endWithParent() {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 500).unref();
}
