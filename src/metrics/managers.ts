import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RunningManager } from "../manager/manager";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];

/** The counters of a manager. */
const EVENTS = [
  "deliveries",
  "granted",
  "begun",
  "succeeded",
  "failed",
  "retrying",
  "cancelled",
  "released",
  "superseded",
  "notStorable",
  "spooled",
  "replayed",
  "heartbeats",
  "incarnationsLost",
  "leasesLost",
] as const;

/** Metrics of this process's managers. The returned function records an attempt. */
export function watchManagers(
  registry: Registry,
  managers: readonly RunningManager[],
): (endpoint: string, type: string, seconds: number) => void {
  const registers = [registry];
  const durations = new Histogram({
    name: "tasker_handler_duration_seconds",
    help: "Seconds that a handler ran, one observation for each attempt",
    labelNames: ["type", "endpoint"],
    buckets: SECONDS,
    registers,
  });
  const events = new Counter({
    name: "tasker_manager_events_total",
    help: "Events of the manager: attempts by outcome, lost leases, results put into the spool, …",
    labelNames: ["endpoint", "event"],
    registers,
    collect() {
      events.reset();
      for (const { endpoint, state } of managers) {
        const now = state();
        for (const event of EVENTS) events.inc({ endpoint, event: snake(event) }, now[event]);
      }
    },
  });
  const now = new Gauge({
    name: "tasker_manager_tasks",
    help: "Tasks at the manager: waiting for a slot, running, or finishing (ended, not yet stored)",
    labelNames: ["endpoint", "state"],
    registers,
    collect() {
      for (const { endpoint, state } of managers) {
        const { waiting, running, finishing } = state();
        for (const [name, count] of Object.entries({ waiting, running, finishing })) {
          now.set({ endpoint, state: name }, count);
        }
      }
    },
  });
  return (endpoint, type, seconds) => durations.observe({ type, endpoint }, seconds);
}

function snake(word: string): string {
  return word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
