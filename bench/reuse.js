/**
 * What a process of its own costs each attempt (`reuse: false`), beside one that takes one attempt after another:
 *
 *   node bench/reuse.js [attempts]
 *
 * A handler that does nothing, one attempt at a time, no store and no broker. Prints the median time of an attempt and the CPU
 * that manager and handler processes together need for it.
 */
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const path = require("node:path");
const { moduleRunner } = require("../dist/src/manager/runners/module/module");
const { Stop } = require("../dist/src/manager/runners/stop");

const WORK = {
  ...{ taskId: "task", type: "nothing", identifier: "task", endpoint: "here", job: null, attempt: 1, attempts: 1 },
  ...{ idempotencyKey: "task:here", payload: "{}", traceparent: null, timeoutMs: 60_000 },
};

async function measure(handlersDir, reuse, attempts) {
  const log = { info() {}, warn() {}, error() {}, debug() {}, trace() {} };
  const options = { handlersDir, graceMs: 1000, maxResultBytes: 1_000_000, maxLogBytes: 1_000_000, log };
  const runner = moduleRunner("nothing", 1, reuse, options);
  const times = [];
  let cpu = 0;
  const run = async () => {
    const hooks = { stop: new Stop(), progress() {}, log() {}, submit: async () => ({ id: "" }) };
    const began = performance.now();
    const result = await runner.run(WORK, hooks);
    if (result.kind !== "succeeded") throw new Error(JSON.stringify(result));
    times.push(performance.now() - began);
    return Number(result.result);
  };
  if (reuse) cpu -= await run();
  times.length = 0;
  const own = process.cpuUsage();
  for (let i = 0; i < attempts; i++) {
    const used = await run();
    if (!reuse) cpu += used;
    else if (i === attempts - 1) cpu += used;
  }
  const { user, system } = process.cpuUsage(own);
  await runner.close();
  times.sort((a, b) => a - b);
  return { median: times[Math.floor(times.length / 2)], cpu: (cpu + user + system) / 1000 / attempts };
}

async function main() {
  const attempts = Number(process.argv[2] ?? 100);
  const dir = mkdtempSync(path.join(tmpdir(), "tasker-reuse-"));
  writeFileSync(
    path.join(dir, "nothing.js"),
    "exports.handleTask = () => { const { user, system } = process.cpuUsage(); return user + system; };",
  );
  try {
    for (const reuse of [true, false]) {
      const { median, cpu } = await measure(dir, reuse, reuse ? attempts * 20 : attempts);
      console.log(`reuse: ${String(reuse).padEnd(5)}  ${median.toFixed(2)} ms an attempt, ${cpu.toFixed(2)} ms of CPU`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

main();
