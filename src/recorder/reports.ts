import { backoffMs, pause, RECONNECT } from "../backoff";
import { StoreUnavailable } from "../errors";
import { groupBy } from "../group-by";
import type { Log } from "../log";
import { bareEnd, notStorable } from "../manager/attempts/outcome";
import { newId } from "../model/ids";
import { UnreadableMessage } from "../model/message";
import type { AttemptEnd, Store, Waiting } from "../store/store";
import { killPoint } from "../testing/kill-points";
import type { Delivery, Transport } from "../transport/transport";
import type { Authors } from "./authors";
import { decodeReports, encodeAnswers, type Reports, speakerOf } from "./wire";

/** A delivery that was understood. */
interface Entry {
  delivery: Delivery;
  reports: Reports;
}

/**
 * Reports → rows. Whatever has arrived is recorded together: one round is under way at a time, and
 * what comes meanwhile is the next one. A round is acked once it is committed, so the queue keeps
 * what a recorder that dies had; recorded twice, it matches nothing and stands already.
 *
 * While the store is away the round is repeated. A message that alone makes the store throw is
 * parked with its reason, and blocks no other.
 */
export class ReportRecorder {
  readonly counters = { messages: 0, ends: 0, rounds: 0, parked: 0, superseded: 0 };
  private waiting: Delivery[] = [];
  private working: Promise<void> | null = null;

  constructor(
    private readonly store: Pick<Store, "managers" | "recorder">,
    private readonly transport: Transport,
    private readonly authors: Authors,
    private readonly log: Log,
    private readonly over: AbortSignal,
  ) {}

  take(delivery: Delivery): void {
    this.waiting.push(delivery);
    // What arrives in one turn of the loop is recorded together.
    this.working ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.work())
      .finally(() => {
        this.working = null;
      });
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0 && !this.over.aborted) {
      const round = this.waiting;
      this.waiting = [];
      await this.record(round.flatMap((delivery) => this.read(delivery) ?? []));
    }
  }

  /** Null: it is parked. */
  private read(delivery: Delivery): Entry | null {
    this.counters.messages++;
    try {
      const reports = decodeReports(delivery.body);
      this.authors.assertMay(delivery, speakersOf(reports));
      return { delivery, reports };
    } catch (error) {
      this.park(delivery, error as Error);
      return null;
    }
  }

  private async record(round: readonly Entry[]): Promise<void> {
    for (let tries = 1; round.length > 0 && !this.over.aborted; tries++) {
      try {
        await this.commit(merged(round));
        this.counters.rounds++;
        killPoint("after-record");
        for (const { delivery } of round) this.done(delivery);
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) return this.oneByOne(round, error as Error);
        if (tries % 20 === 1) this.log.warn({ err: error.message }, "cannot record reports now; the queue keeps them");
        await pause(backoffMs(tries, RECONNECT), this.over);
      }
    }
  }

  /** The store is there but throws: one message may be bad, and must not hold up its neighbours. */
  private async oneByOne(round: readonly Entry[], error: Error): Promise<void> {
    if (round.length === 1) return this.park(round[0]!.delivery, error);
    for (const entry of round) await this.record([entry]);
  }

  private async commit(reports: Reports): Promise<void> {
    const { managers, recorder } = this.store;
    killPoint("before-record");
    if (reports.log.length > 0) await managers.log(reports.log);
    if (reports.received.length > 0) await recorder.received(waitingOf(reports.received));
    if (reports.underWay.length > 0) await managers.underWay(reports.underWay);
    if (reports.confirm.length > 0) await managers.confirm(reports.confirm);
    if (reports.progress.length > 0) await managers.progress(reports.progress);
    await this.finish(reports.finish);
  }

  /** What the store refuses is kept without its result, at last in plain letters. */
  private async finish(ends: readonly AttemptEnd[], refusals = 0): Promise<void> {
    if (ends.length === 0) return;
    const answers = await this.store.recorder.finish(ends);
    const again: AttemptEnd[] = [];
    for (const [i, answer] of answers.entries()) {
      const end = ends[i]!;
      if (answer.kind === "superseded") this.counters.superseded++;
      if (answer.kind !== "refused") continue;
      const why = answer.error.message;
      this.log.warn({ task_id: end.taskId, endpoint: end.endpoint, err: why }, "the store cannot keep a result");
      if (refusals < 2) again.push(refusals === 0 ? notStorable(end, why) : bareEnd(end));
    }
    this.counters.ends += ends.length - again.length;
    await this.finish(again, refusals + 1);
  }

  private done(delivery: Delivery): void {
    const { replyTo, correlationId } = delivery;
    delivery.ack();
    // Whoever asks wants to know that all before it is recorded.
    if (replyTo === null) return;
    const body = encodeAnswers([{ ok: true }]);
    const reply = { messageId: newId(), correlationId: correlationId ?? "", type: "reply", body };
    this.transport.publish({ ...reply, address: { to: "reply", name: replyTo } }).catch(() => undefined);
  }

  private park(delivery: Delivery, error: Error): void {
    const reason =
      error instanceof UnreadableMessage ? `${error.reason}: ${error.message}` : `refused: ${error.message}`;
    this.counters.parked++;
    this.log.warn({ message_id: delivery.messageId, user: delivery.author, reason }, "parked a report");
    delivery.park(reason);
  }
}

function waitingOf(received: Reports["received"]): Waiting[] {
  return [...groupBy(received, ({ endpoint }) => endpoint)].map(([endpoint, tasks]) => ({ endpoint, tasks }));
}

function speakersOf(reports: Reports): Array<string | null> {
  const { log, received, underWay, confirm, progress, finish } = reports;
  const named = [...log, ...received].map(({ endpoint }) => (endpoint === "*" ? null : endpoint));
  return [...named, ...[...underWay, ...confirm, ...progress, ...finish].map(speakerOf)];
}

function merged(round: readonly Entry[]): Reports {
  const all = <Name extends keyof Reports>(name: Name) =>
    round.flatMap(({ reports }) => reports[name] as Array<Reports[Name][number]>);
  return {
    log: all("log"),
    received: all("received"),
    underWay: all("underWay"),
    confirm: all("confirm"),
    progress: all("progress"),
    finish: all("finish"),
  } as Reports;
}
