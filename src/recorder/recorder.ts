import type { Log } from "../log";
import type { Store } from "../store/store";
import type { Consumption, Delivery, Transport } from "../transport/transport";
import { Authors, type BrokerUsers } from "./authors";
import { CallAnswerer } from "./calls";
import { ReportRecorder } from "./reports";

/** Messages taken at once, of each queue. */
const PREFETCH = 200;

/**
 * The recorder writes to the store what managers report over the broker, and answers what they ask
 * of it. Each API process has one. The broker gives the reports to one of them at a time, in their
 * order; calls go to any.
 */
export class Recorder {
  private readonly over = new AbortController();
  private readonly reports: ReportRecorder;
  private readonly calls: CallAnswerer;
  private consumptions: Consumption[] = [];

  constructor(
    store: Pick<Store, "managers" | "recorder">,
    private readonly transport: Transport,
    users: BrokerUsers,
    log: Log,
  ) {
    const authors = new Authors(users, store.recorder);
    this.reports = new ReportRecorder(store, transport, authors, log, this.over.signal);
    this.calls = new CallAnswerer(store, transport, authors, log);
  }

  get counters() {
    return { ...this.reports.counters, ...this.calls.counters };
  }

  /** Rejects with a TransportError where the queues cannot be declared now. */
  async start(): Promise<void> {
    await this.transport.declareRecorder();
    const consume = (to: "reports" | "calls", onDelivery: (delivery: Delivery) => void) =>
      this.transport.consume({ address: { to }, prefetch: PREFETCH, onDelivery });
    this.consumptions = await Promise.all([
      consume("reports", (delivery) => this.reports.take(delivery)),
      consume("calls", (delivery) => this.calls.take(delivery)),
    ]);
  }

  /** What is under way is committed and acked; the rest stays in the queues. Never rejects. */
  async stop(): Promise<void> {
    const stopped = Promise.all(this.consumptions.map((consumption) => consumption.stop()));
    this.over.abort();
    await this.reports.close();
    await stopped;
  }
}
