/**
 * `node bench/simulate/measure.js [TASKS]` measures what costs.js says of the database: a task's way through the store alone, one
 * moment of it after the other, on a private MariaDB. Prints CPU microseconds of the server and of this process for each task,
 * in batches as a manager at work sends them, and for claim and finish also where each stands alone. Needs the built program.
 */
const { openStore } = require("../../dist/src/store/sql/open");
const { newId } = require("../../dist/src/model/ids");
const { Servers } = require("../lib/servers");
const { cpuSeconds } = require("../lib/usage");

const BATCH = 50;
const LONE = 3000;
const PAGE = 1000;
const SILENT = { warn() {}, info() {}, error() {}, debug() {} };

async function main(count) {
  const servers = new Servers();
  try {
    const { uri, pid } = await servers.newDatabase();
    const store = await openStore({ uri, poolSize: 4, deadlineMs: 20_000, tls: null, log: SILENT });
    await store.migrate();
    const step = stepper(pid);
    // What has not been compiled yet would cost several times as much.
    await wayOf(store, 5000, BATCH, async (_name, _count, work) => work());
    await wayOf(store, count, BATCH, step);
    await wayOf(store, LONE, 1, (name, n, work) =>
      /claim|finish/.test(name) ? step(`${name}, alone`, n, work) : work(),
    );
    await store.close();
  } finally {
    await servers.close();
  }
}

/** Stores, claims and finishes tasks, `size` in one call, and completes them. */
async function wayOf({ tasks, managers, maintenance }, count, size, step) {
  const { position: from } = await maintenance.ended(null, 1);
  const all = Array.from({ length: count }, newTask);
  const parts = Array.from({ length: Math.ceil(count / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
  const managerId = newId();
  const place = { endpoint: "e1", host: "host", pid: 1, slot: managerId };
  await managers.register({ ...place, id: managerId, labels: {}, types: [], version: "0", ttlMs: 3_600_000 });
  const grants = [];
  const each = (work) => async () => {
    for (const part of parts) await work(part);
  };
  await step(
    "store",
    count,
    each((part) => tasks.create(part)),
  );
  await step(
    "claim",
    count,
    each(async (part) => grants.push(await managers.claim(managerId, "e1", part.map(claimOf)))),
  );
  await step("finish", count, async () => {
    for (const part of grants) await managers.finish(part.map(endOf));
  });
  // The feed ends a moment before the clock.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await step("end", count, async () => {
    for (let at = from, more = true; more; ) {
      const page = await maintenance.ended(at, PAGE);
      await maintenance.completeTasks(page.responses);
      ({ position: at, more } = page);
    }
  });
}

function stepper(pid) {
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return { database: cpuSeconds(pid) * 1e6, process: user + system };
  };
  return async (name, count, work) => {
    const [before, began] = [cpu(), performance.now()];
    await work();
    const after = cpu();
    const micros = (which) => ((after[which] - before[which]) / count).toFixed(0).padStart(4);
    const ms = (((performance.now() - began) / count) * 1000).toFixed(0);
    console.log(
      `${name.padEnd(14)} database ${micros("database")}  process ${micros("process")}  ${ms} ms for a thousand`,
    );
  };
}

function newTask() {
  const policy = { attempts: 3, timeoutMs: 600_000, waitMs: 30_000, expiresMs: null, priority: 5, delayUntil: null };
  const who = { runKey: null, traceparent: null, createdBy: null };
  const request = { type: "noop", identifier: newId(), bodyHash: "0".repeat(64), payload: '{"n":1}' };
  return { id: newId(), ...request, deliver: "one", endpoints: ["*"], jobs: [""], ...policy, ...who };
}

/** A task as a signed message describes it. */
function claimOf({ id, identifier, payload, attempts, timeoutMs }) {
  const row = { version: 1, attempt: 0, attempts, generation: 1, timeoutMs, traceparent: null };
  return { taskId: id, job: "", type: "noop", known: { endpoint: "*", identifier, payload, ...row } };
}

function endOf({ taskId, endpoint, job, leaseId, generation, attempt }) {
  const outcome = { status: "succeeded", reason: null, error: null, result: null, resultText: null };
  return { taskId, endpoint, job, leaseId, generation, attempt, ...outcome };
}

main(Number(process.argv[2] ?? 20_000)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
