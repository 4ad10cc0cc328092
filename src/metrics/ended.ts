import { Counter, Histogram, type Registry } from "prom-client";
import type { MaintenanceStore } from "../store/store";
import { responseCounter } from "./responses";

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400];

/**
 * Counts completed tasks and final responses, however they ended, in the one API process that
 * reconciles. All times are by the database's clock.
 *
 * @param registered the names of all endpoints; rejects when the database is unavailable
 */
export function countEnded(
  registry: Registry,
  maintenance: MaintenanceStore,
  registered: () => Promise<ReadonlySet<string>>,
): void {
  const registers = [registry];
  const finished = new Counter({
    name: "tasker_tasks_finished_total",
    help: "Tasks whose responses are all final, counted by the process that completed them; a retried task counts again",
    labelNames: ["type", "status"],
    registers,
  });
  const completion = new Histogram({
    name: "tasker_task_completion_seconds",
    help: "Seconds from a task's creation (or delay_until) to its last final response",
    labelNames: ["type"],
    buckets: SECONDS,
    registers,
  });
  const countResponse = responseCounter(registry, registered);
  const delivery = new Histogram({
    name: "tasker_delivery_delay_seconds",
    help: "Seconds from a task's creation (or delay_until) to its receipt by the endpoint, for final responses",
    labelNames: ["type"],
    buckets: SECONDS,
    registers,
  });
  maintenance.onCompleted((completed) => {
    for (const { type, status, seconds } of completed.tasks) {
      finished.inc({ type, status });
      completion.observe({ type }, seconds);
    }
    for (const { type, endpoint, status, deliverySeconds } of completed.responses) {
      countResponse({ type, endpoint, status }, deliverySeconds !== null);
      if (deliverySeconds !== null) delivery.observe({ type }, deliverySeconds);
    }
  });
}
