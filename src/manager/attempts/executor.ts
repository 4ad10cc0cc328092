import { pause } from "../../backoff";
import type { AttemptEnd, EndAnswer, Grant } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import { CONSUMER, isRecorded, traced } from "../../tracing";
import type { ManagerContext } from "../context";
import { nameOf, type ReceivedTask } from "../intake/delivery-batch";
import type { JobSlots } from "../intake/job-slots";
import { InFlight } from "../lifecycle/in-flight";
import type { Reports } from "../reports/reports";
import { failure } from "../runners/outcome";
import type { RunResult } from "../runners/runner";
import { Attempt } from "./attempt";
import type { Completer } from "./completer";
import { endedBySignal, outcomeOf } from "./outcome";

/**
 * A supervisor that stops a whole tree reaches handlers a moment before its signal is handled here.
 */
const SAME_SIGNAL_MS = 250;
/** The result of an attempt that is stopped before it runs. */
const RELEASED: RunResult = { kind: "stopped", killed: false };

/**
 * The attempts of one manager: claimed → run → reported → settled. Each goes its whole way by
 * itself.
 */
export class Executor {
  /** From the grant until the end is with the completer. */
  readonly unended = new InFlight();
  /** From the grant until the delivery is settled. */
  readonly unsettled = new InFlight();
  /** Names of tasks that began before their claim, until their delivery is settled. */
  private readonly begun = new Set<string>();

  /** @param running those whose handler is running */
  constructor(
    private readonly context: ManagerContext,
    private readonly running: Set<Attempt>,
    private readonly completer: Completer,
    private readonly reports: Reports,
  ) {}

  /** Begins the attempt; the slot is the attempt's until its handler has ended. */
  start(task: ReceivedTask, grant: Grant, slots: JobSlots): void {
    void this.perform(new Attempt(task, grant, slots, this.reports));
  }

  /** The same before its claim; false: it runs here already, and the message came twice. */
  begin(task: ReceivedTask, grant: Grant, slots: JobSlots, managerId: string): boolean {
    const name = nameOf(task);
    if (this.begun.has(name)) return false;
    this.begun.add(name);
    void this.perform(new Attempt(task, grant, slots, this.reports, managerId));
    return true;
  }

  /** Gives back, unharmed and not charged, what was granted and must not run here. */
  giveBack(task: ReceivedTask, grant: Grant, slots: JobSlots): void {
    const attempt = new Attempt(task, grant, slots, this.reports);
    attempt.stop.notify("drain");
    slots.release();
    void this.perform(attempt);
  }

  /** Stops all that run, because the manager drains. */
  stopAll(): void {
    for (const attempt of this.running) attempt.stop.notify("drain");
  }

  /** The whole way in one function, because every attempt pays for each promise. Never rejects. */
  private async perform(attempt: Attempt): Promise<void> {
    const { task } = attempt;
    this.unended.up();
    this.unsettled.up();
    try {
      let result = RELEASED;
      if (attempt.stop.cause === null) {
        this.running.add(attempt);
        try {
          result = await this.run(attempt);
        } catch (error) {
          result = this.broken(attempt, error);
        }
        this.running.delete(attempt);
        this.handlerEnded(attempt);
      }
      const logged = attempt.closeReports();
      if (logged) await logged;
      if (endedBySignal(result) && !this.context.draining) await pause(SAME_SIGNAL_MS);
      if (attempt.claiming) await attempt.claiming;
      const end = this.endOf(attempt, result);
      // The store knows nothing of an attempt that was never claimed, so there is nothing to give
      // back to it.
      const unclaimed = end?.status === "received" && end.claim !== undefined;
      const committed = end && !unclaimed ? this.completer.finish(end) : null;
      this.unended.down();
      if (unclaimed) this.context.counters.released++;
      else if (end && committed) this.count(end, await committed);
      if (end?.status === "received") task.batch.giveBack(task);
      else task.batch.done(task);
    } catch (error) {
      this.context.log.error({ err: error }, "an attempt could not be settled");
    } finally {
      if (attempt.beganUnclaimed) this.begun.delete(nameOf(task));
      this.unsettled.down();
    }
  }

  private run(attempt: Attempt): Promise<RunResult> {
    const { grant, slots } = attempt;
    if (!isRecorded()) return slots.runner.run(grant, attempt);
    return processed(grant, (traceparent) => slots.runner.run({ ...grant, traceparent }, attempt));
  }

  private broken({ grant: { taskId, type } }: Attempt, error: unknown): RunResult {
    this.context.log.error({ task_id: taskId, type, err: error }, "a runner broke its contract and threw");
    return failure("error", String(error));
  }

  private handlerEnded({ grant, slots, startedAt }: Attempt): void {
    const { endpoint, onAttempt } = this.context;
    onAttempt?.(endpoint, grant.type, (performance.now() - startedAt) / 1000);
    killPoint("after-handler");
    slots.release();
  }

  /** Null: nothing is to be written, the lease is lost. */
  private endOf(attempt: Attempt, result: RunResult): AttemptEnd | null {
    const { config, draining } = this.context;
    const outcome = outcomeOf(attempt.grant, result, {
      cause: attempt.stop.cause,
      draining,
      backoff: attempt.slots.type.backoff,
      maxResultBytes: config.manager.maxResultBytes,
    });
    return outcome && attempt.endWith(outcome);
  }

  private count({ taskId, job, attempt, status }: AttemptEnd, answer: EndAnswer): void {
    const { counters, log, endpoint } = this.context;
    const fields = { task_id: taskId, endpoint, job: job || undefined, attempt, status };
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
}

/**
 * Runs the attempt inside a span, below the request that created the task and above what the
 * handler does.
 */
function processed(grant: Grant, run: (traceparent: string | null) => Promise<RunResult>): Promise<RunResult> {
  const { type, taskId, performer, attempt, traceparent } = grant;
  const attributes = {
    "messaging.system": "rabbitmq",
    "tasker.type": type,
    "tasker.task_id": taskId,
    "tasker.endpoint": performer,
    "tasker.attempt": attempt,
  };
  return traced(`process ${type}`, { kind: CONSUMER, traceparent, attributes }, async (span) => {
    const result = await run(span.traceparent);
    span.set({ "tasker.outcome": result.kind });
    if (result.kind === "failed") span.failed(`${result.reason}: ${result.error}`);
    return result;
  });
}
