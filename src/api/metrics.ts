import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { labelOf } from "../metrics/endpoint-label";
import type { TaskService } from "../tasks/tasks";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** `GET /metrics`: counters kept here, and gauges that are read from the service at each scrape. */
export class ApiMetrics {
  readonly registry: Registry;
  private readonly requests: Histogram<"method" | "route" | "code">;
  private readonly created: Counter<"type">;
  private readonly gauges: ReturnType<typeof makeGauges>;
  /** Endpoints that were registered at the last scrape. */
  private registered: ReadonlySet<string> | null = null;

  /** Without a registry of the caller's own, one with the process's default metrics is made. */
  constructor(
    private readonly service: TaskService,
    registry?: Registry,
  ) {
    this.registry = registry ?? new Registry();
    if (!registry) collectDefaultMetrics({ register: this.registry });
    const registers = [this.registry];
    this.requests = new Histogram({
      name: "tasker_http_request_duration_seconds",
      help: "Time from a request's head to the end of its answer, by route",
      labelNames: ["method", "route", "code"],
      buckets: SECONDS,
      registers,
    });
    this.created = new Counter({
      name: "tasker_tasks_created_total",
      help: "Tasks stored by this process, repetitions not counted",
      labelNames: ["type"],
      registers,
    });
    this.gauges = makeGauges(registers);
  }

  answered(method: string, route: string, code: number, seconds: number): void {
    this.requests.observe({ method, route, code }, seconds);
  }

  taskCreated(type: string): void {
    this.created.inc({ type });
  }

  /** The Prometheus text. What the database cannot answer stays as it was; tasker_ready is 0. */
  async text(): Promise<string> {
    const [health, endpoints, open] = await Promise.all([
      this.service.health().catch(() => null),
      this.service.endpoints().catch(() => null),
      this.service.openCounts().catch(() => null),
    ]);
    this.gauges.ready.set(health?.ready ? 1 : 0);
    this.gauges.pending.set(Number(health?.checks.outbox?.unpublished ?? 0));
    this.gauges.oldest.set(Number(health?.checks.outbox?.oldest_seconds ?? 0));
    this.gauges.reports.set(Number(health?.checks.reports?.waiting ?? 0));
    this.gauges.reportAge.set(Number(health?.checks.reports?.oldest_seconds ?? 0));
    if (endpoints) {
      this.registered = new Set(endpoints.map(({ name }) => name));
      for (const gauge of [this.gauges.seen, this.gauges.alive]) gauge.reset();
      for (const { name, alive, lastSeenAt } of endpoints) {
        this.gauges.alive.set({ endpoint: name }, alive ? 1 : 0);
        if (lastSeenAt) this.gauges.seen.set({ endpoint: name }, Date.parse(lastSeenAt) / 1000);
      }
    }
    if (open && this.registered) {
      for (const gauge of [this.gauges.open, this.gauges.missing]) gauge.reset();
      for (const { type, endpoint: name, status, count } of open) {
        const endpoint = labelOf(name, this.registered);
        this.gauges.open.inc({ type, endpoint, status }, count);
        if (status === "expected") this.gauges.missing.inc({ type, endpoint }, count);
      }
    }
    return this.registry.metrics();
  }
}

function makeGauges(registers: Registry[]) {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  return {
    open: gauge("tasker_responses_open", "Responses that are not final", ["type", "endpoint", "status"]),
    missing: gauge("tasker_responses_missing", "Responses whose endpoint has not received the task", [
      "type",
      "endpoint",
    ]),
    seen: gauge("tasker_endpoint_last_seen_timestamp_seconds", "Last heartbeat of any of its managers", ["endpoint"]),
    alive: gauge("tasker_endpoint_alive", "1 while a manager of the endpoint has a fresh heartbeat", ["endpoint"]),
    pending: gauge("tasker_outbox_pending", "Tasks stored and not yet confirmed by the broker", []),
    oldest: gauge("tasker_outbox_oldest_seconds", "Age of the oldest of them", []),
    reports: gauge("tasker_reports_waiting", "Messages of managers that wait for the recorder", []),
    reportAge: gauge("tasker_reports_oldest_seconds", "The age that the oldest of them has at most", []),
    ready: gauge("tasker_ready", "1 while every check of /readyz passes", []),
  };
}
