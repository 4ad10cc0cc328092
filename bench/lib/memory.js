const fs = require("node:fs");
const path = require("node:path");
const { median } = require("./stats");
const { residentMb } = require("./usage");

const MB = 1024 * 1024;
const DEADLINE_MS = 20_000;
/** Options of processes whose memory `collected` can read. */
const NODE_OPTIONS = ["--expose-gc", "--require", path.join(__dirname, "gc.js")];

/** `{ heapMb, residentMb }` after a garbage collection, of a process started with NODE_OPTIONS. */
async function collected({ pid, folder }) {
  const file = path.join(folder, `memory-${pid}.json`);
  fs.rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  const until = Date.now() + DEADLINE_MS;
  while (!fs.existsSync(file)) {
    if (Date.now() > until) throw new Error(`The process ${pid} did not tell its memory.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = JSON.parse(fs.readFileSync(file, "utf8"));
  return { heapMb: (heapUsed + external) / MB, residentMb: residentMb(pid) };
}

/** Samples the resident memory of processes until stopped: median and maximum of each, in MB. */
function watchMemory(pids, everyMs = 250) {
  const seen = Object.fromEntries(Object.keys(pids).map((name) => [name, []]));
  const look = () => {
    for (const [name, pid] of Object.entries(pids)) seen[name].push(residentMb(pid));
  };
  look();
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    look();
    return Object.fromEntries(
      Object.entries(seen).map(([name, all]) => [name, { median: median(all), max: Math.max(...all) }]),
    );
  };
}

module.exports = { NODE_OPTIONS, collected, watchMemory };
