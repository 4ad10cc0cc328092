import { pause } from "../../backoff";
import type { TaskTypeConfig } from "../../config/config";
import { DenseSet, Keys } from "../../dense-set";
import type { SubmitRequest } from "../../model/handler";
import type { EndAnswer } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import { CONSUMER, traced } from "../../tracing";
import type { ManagerContext } from "../context";
import { type Item, itemKey } from "../intake/delivery-batch";
import type { JobSlots } from "../intake/job-slots";
import { InFlight } from "../lifecycle/in-flight";
import type { AttemptLog, AttemptLogs } from "../reports/logs";
import type { ProgressReports } from "../reports/progress";
import { submitRequest } from "../reports/submit";
import type { RunHooks, RunResult, Work } from "../runners/runner";
import type { Stop } from "../runners/stop";
import { Attempt, type Grant } from "./attempt";
import type { Completer } from "./completer";
import { endedBySignal, outcomeOf } from "./outcome";

/** A supervisor that stops a whole tree reaches handlers a moment before its signal is handled here. */
const SAME_SIGNAL_MS = 250;

/** Claimed → run → outcome → finished → settled: the attempts of one manager. */
export class Executor {
  /** Those whose handler is running. */
  readonly running = new DenseSet<Attempt>();
  /** From the grant until the outcome is with the finisher. */
  readonly unended = new InFlight();
  /** From the grant until the delivery is settled. */
  readonly unsettled = new InFlight();

  constructor(
    private readonly desk: ManagerContext,
    private readonly parts: {
      completer: Completer;
      progress: ProgressReports;
      logs: AttemptLogs;
      /** A slot has become free. */
      wake(): void;
      draining(): boolean;
    },
  ) {}

  /** Those that began before their claim, until their delivery is settled. */
  private readonly begun = new Keys<string>();

  /** Begins the attempt; it goes its whole way by itself. */
  start(item: Item, grant: Grant, slots: JobSlots): void {
    void this.follow(() => this.perform(new Attempt(item, grant), slots));
  }

  /** The same before its claim; false: it runs here already, and the message came twice. */
  begin(item: Item, grant: Grant, slots: JobSlots, managerId: string): boolean {
    const key = itemKey(item);
    if (this.begun.has(key)) return false;
    this.begun.add(key);
    void this.follow(() => this.perform(new Attempt(item, grant, { managerId, type: slots.type }), slots), key);
    return true;
  }

  /** Gives back, unharmed and not charged, what was granted and must not run here. */
  giveBack(item: Item, grant: Grant, slots: JobSlots): void {
    const attempt = new Attempt(item, grant);
    attempt.stop.tell("drain");
    slots.busy--;
    void this.follow(() => this.settle(attempt, { kind: "stopped", killed: false }, slots));
  }

  /** Tells all that run that the manager drains. */
  stopAll(): void {
    for (const attempt of this.running) attempt.stop.tell("drain");
  }

  private async perform(attempt: Attempt, slots: JobSlots): Promise<void> {
    const log = this.parts.logs.open(attempt.grant);
    this.running.add(attempt);
    const result = await this.run(attempt, slots, log);
    this.running.delete(attempt);
    this.desk.onAttempt?.(this.desk.endpoint, slots.type.name, (performance.now() - attempt.startedAt) / 1000);
    killPoint("after-handler");
    slots.busy--;
    this.parts.wake();
    this.parts.progress.forget(attempt.grant);
    if (log.any) await log.close();
    await this.settle(attempt, result, slots);
  }

  private async run(attempt: Attempt, slots: JobSlots, log: AttemptLog): Promise<RunResult> {
    const { grant } = attempt;
    const hooks = new Hooks(this.desk, this.parts.progress, attempt, log, slots.type);
    const work = workOf(grant, slots, this.desk.endpoint);
    try {
      return await processing(work, (traceparent) =>
        slots.runner.run(traceparent === work.traceparent ? work : { ...work, traceparent }, hooks),
      );
    } catch (error) {
      this.desk.log.error(
        { task_id: grant.taskId, type: slots.type.name, err: error },
        "a runner broke its contract and threw",
      );
      return {
        kind: "failed",
        reason: "error",
        error: String(error),
        permanent: false,
        result: null,
        resultText: null,
      };
    }
  }

  private async settle(attempt: Attempt, result: RunResult, slots: JobSlots): Promise<void> {
    const { item, grant } = attempt;
    if (endedBySignal(result) && !this.parts.draining()) await pause(SAME_SIGNAL_MS);
    if (attempt.claiming) await attempt.claiming;
    const end = outcomeOf(grant, result, {
      cause: attempt.stop.cause,
      draining: this.parts.draining(),
      backoff: slots.type.backoff,
      maxResultBytes: this.desk.config.manager.maxResultBytes,
    });
    const claim = attempt.claimWithEnd(this.desk.endpoint);
    if (claim && end) {
      // The store knows nothing of it: what is given back is as if it had never begun.
      if (end.status === "received") return this.backUnclaimed(item);
      end.claim = claim;
    }
    const committed = end && this.parts.completer.finish(end);
    this.unended.down();
    if (end && committed) this.count(attempt, end.status, await committed);
    if (end?.status === "received") item.parcel.giveBack(item);
    else item.parcel.done(item);
  }

  private backUnclaimed(item: Item): void {
    this.unended.down();
    this.desk.counters.released++;
    item.parcel.giveBack(item);
  }

  private count(
    { grant }: Attempt,
    status: "succeeded" | "failed" | "cancelled" | "retrying" | "received",
    answer: EndAnswer,
  ): void {
    const { counters, log, endpoint } = this.desk;
    const fields = { task_id: grant.taskId, endpoint, job: grant.job || undefined, attempt: grant.attempt, status };
    if (answer.kind === "recorded") {
      counters[status === "received" ? "released" : status]++;
      log.debug(fields, "an attempt has ended");
    } else if (answer.kind === "superseded") {
      counters.superseded++;
      log.info(fields, "an attempt ended after its lease was lost; its outcome is kept for the record only");
    } else {
      log.error(
        { ...fields, err: answer.error.message },
        "the store refuses every form of an attempt's end; its timeout will close it",
      );
    }
  }

  /** @param begun its key among those that began before their claim */
  private async follow(course: () => Promise<void>, begun: string | null = null): Promise<void> {
    this.unended.up();
    this.unsettled.up();
    try {
      await course();
    } catch (error) {
      this.desk.log.error({ err: error }, "an attempt could not be settled");
    } finally {
      if (begun !== null) this.begun.delete(begun);
      this.unsettled.down();
    }
  }
}

/** What a running attempt asks of its manager. */
class Hooks implements RunHooks {
  readonly stop: Stop;

  constructor(
    private readonly desk: ManagerContext,
    private readonly reports: ProgressReports,
    private readonly attempt: Attempt,
    private readonly attemptLog: AttemptLog,
    private readonly from: TaskTypeConfig,
  ) {
    this.stop = attempt.stop;
  }

  progress(fraction: number, message: string | null): void {
    this.attempt.underLease(() => this.reports.report(this.attempt.grant, fraction, message));
  }

  log(text: string): void {
    this.attemptLog.write(text);
  }

  submit(type: string, request: SubmitRequest): Promise<{ id: string }> {
    return submitRequest(this.desk, this.from, type, request, this.stop.signal);
  }
}

/** The attempt as a span, below the request that created the task and above what the handler does. */
function processing(work: Work, run: (traceparent: string | null) => Promise<RunResult>): Promise<RunResult> {
  const { type, taskId, endpoint, attempt, traceparent } = work;
  const attributes = {
    "messaging.system": "rabbitmq",
    "tasker.type": type,
    "tasker.task_id": taskId,
    "tasker.endpoint": endpoint,
    "tasker.attempt": attempt,
  };
  return traced(`process ${type}`, { kind: CONSUMER, traceparent, attributes }, async (span) => {
    const result = await run(span.traceparent);
    span.set({ "tasker.outcome": result.kind });
    if (result.kind === "failed") span.failed(`${result.reason}: ${result.error}`);
    return result;
  });
}

function workOf(grant: Grant, slots: JobSlots, endpoint: string): Work {
  const { taskId, identifier, attempt, attempts, payload, traceparent, timeoutMs, job } = grant;
  return {
    taskId,
    type: slots.type.name,
    identifier,
    endpoint,
    job: job || null,
    attempt,
    attempts,
    // By the row's own key: for `deliver: one` it stays the same when another endpoint takes the next attempt.
    idempotencyKey: [taskId, grant.endpoint, job].filter((part) => part !== "").join(":"),
    payload,
    traceparent,
    timeoutMs,
  };
}
