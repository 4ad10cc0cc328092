const fs = require("node:fs");
const { execFileSync } = require("node:child_process");

let ticksPerSecond = 0;

/** CPU seconds of a process and of its ended children; NaN without /proc. */
function cpuSeconds(pid) {
  try {
    ticksPerSecond ||= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

/** Resident memory in MB; NaN without /proc. */
function residentMb(pid) {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** Returns a function that gives the CPU seconds of each process since this call. */
function cpuClock(pids) {
  const read = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)]));
  const before = read();
  return () => Object.fromEntries(Object.entries(read()).map(([name, now]) => [name, now - before[name]]));
}

module.exports = { cpuSeconds, residentMb, cpuClock };
