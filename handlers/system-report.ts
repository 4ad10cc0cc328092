import { statfs } from "node:fs/promises";
import os from "node:os";
import type { Json, Payload, TaskContext } from "tasker";

const SECTIONS = { system, processors, memory, disk, network } as const;
type Section = keyof typeof SECTIONS;

/**
 * Facts of the machine that the endpoint runs on. The payload may name what is wanted: `{"sections": ["memory", "disk"]}`, and for
 * `disk` the folder whose file system is meant: `{"path": "/var"}`. Without it: everything, and "/".
 *
 * It runs inline in the shipped configs, and keeps to what that asks for: it waits for nothing without listening to its signal,
 * catches whatever it starts, and changes nothing of the process.
 */
export async function handleTask(payload: Payload, context: TaskContext): Promise<Json> {
  const sections = wanted(payload.sections);
  const report: Record<string, Json> = { endpoint: context.endpoint, reported_at: new Date().toISOString() };
  for (const [index, section] of sections.entries()) {
    context.signal.throwIfAborted();
    report[section] = await SECTIONS[section](payload, context.signal);
    context.progress((index + 1) / sections.length, section);
  }
  return report;
}

function wanted(sections: Json | undefined): Section[] {
  const all = Object.keys(SECTIONS) as Section[];
  if (sections === undefined) return all;
  if (!Array.isArray(sections)) throw new Error(`"sections" must be a list of: ${all.join(", ")}`);
  const unknown = sections.find((section) => !all.includes(section as Section));
  if (unknown !== undefined) throw new Error(`there is no section ${JSON.stringify(unknown)}, only: ${all.join(", ")}`);
  return sections as Section[];
}

function system(): Json {
  return {
    hostname: os.hostname(),
    platform: os.platform(),
    release: os.release(),
    architecture: os.arch(),
    uptime_seconds: Math.round(os.uptime()),
    node: process.version,
  };
}

function processors(): Json {
  const cpus = os.cpus();
  return { count: cpus.length, model: cpus[0]?.model ?? null, load_average: os.loadavg() };
}

function memory(): Json {
  return { total_bytes: os.totalmem(), free_bytes: os.freemem() };
}

async function disk(payload: Payload, signal: AbortSignal): Promise<Json> {
  const path = typeof payload.path === "string" ? payload.path : "/";
  const { bsize, blocks, bavail } = await untilTold(signal, statfs(path));
  return { path, total_bytes: blocks * bsize, available_bytes: bavail * bsize };
}

/** A file system that does not answer (a server that is away) must not keep the handler from ending. */
function untilTold<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const told = () => reject(signal.reason);
    signal.addEventListener("abort", told, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", told));
  });
}

function network(): Json {
  const addresses: Json[] = [];
  for (const [name, found] of Object.entries(os.networkInterfaces())) {
    for (const { address, family } of found ?? []) addresses.push({ interface: name, family, address });
  }
  return { addresses };
}
