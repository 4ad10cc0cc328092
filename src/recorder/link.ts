import { Batcher } from "../batcher";
import { EndpointEnded, IncarnationLost, StoreUnavailable, TransportError } from "../errors";
import { newId } from "../model/ids";
import { UnreadableMessage } from "../model/message";
import { killPoint } from "../testing/kill-points";
import type { Outgoing, Transport } from "../transport/transport";
import { type Answer, decodeAnswers, encodeCalls, encodeReports, type RecorderCall, type Reports } from "./wire";

/**
 * Calls in one message, one message under way at a time. What a task brings to many managers of the
 * process arrives within milliseconds: the first asks alone, and the others share the next message.
 */
const CALLS = { size: 500, lanes: 1 };
/** Reports likewise; a message of large ones is closed sooner. */
const REPORTS = { size: 500, lanes: 1 };
const MAX_CHARACTERS = 1024 * 1024;

type Report = { [Name in keyof Reports]: { name: Name; report: Reports[Name][number] } }[keyof Reports];

/**
 * A process's side of the way to the recorder. What all its managers say at a time leaves in one
 * message.
 *
 * Reports resolve once the broker has confirmed them, ends and logs persistently: from then on the
 * queue owns them. Calls resolve with their answer. Both reject with StoreUnavailable while the
 * broker or the recorder is away, and may be repeated.
 */
export class RecorderLink {
  private readonly calls: Batcher<RecorderCall, Answer>;
  private readonly reports: Batcher<Report, undefined>;
  private lease: string | null = null;

  constructor(
    private readonly transport: Pick<Transport, "publish" | "call">,
    private readonly deadlineMs: number,
  ) {
    this.calls = new Batcher((calls) => this.send(calls), CALLS);
    this.reports = new Batcher((reports) => this.publish(reports), REPORTS);
  }

  /**
   * A fresh lease, the same for all who ask in one turn of the event loop. Their claims share a
   * statement then; a lease is fenced by its row's key as well.
   */
  leaseOfTurn(): string {
    if (this.lease !== null) return this.lease;
    setImmediate(() => {
      this.lease = null;
    });
    this.lease = newId();
    return this.lease;
  }

  /** Rejects with what the recorder answers, or with StoreUnavailable. */
  async ask<T>(call: RecorderCall): Promise<T> {
    const answer = await this.calls.add(call);
    if ("ok" in answer) return answer.ok as T;
    const { code, message } = answer.error;
    if (code === "unavailable") throw new StoreUnavailable(message);
    if (code === "incarnation_lost") throw new IncarnationLost("managerId" in call ? call.managerId : "");
    if (code === "endpoint_ended") throw new EndpointEnded(message);
    throw new Error(message);
  }

  private async send(calls: readonly RecorderCall[]): Promise<Answer[]> {
    try {
      const body = encodeCalls(calls);
      const reply = await this.transport.call({ ...this.envelope(body), address: { to: "calls" } });
      return decodeAnswers(reply);
    } catch (error) {
      throw unavailable(error as Error);
    }
  }

  /** Resolves once the broker has confirmed them. */
  async report<Name extends keyof Reports>(name: Name, list: ReadonlyArray<Reports[Name][number]>): Promise<void> {
    await Promise.all(list.map((report) => this.reports.add({ name, report } as Report)));
  }

  private async publish(reports: readonly Report[]): Promise<undefined[]> {
    killPoint("before-report");
    try {
      await Promise.all(messagesOf(reports).map((lists) => this.publishOne(lists)));
    } catch (error) {
      throw unavailable(error as Error);
    }
    killPoint("after-report");
    return reports.map(() => undefined);
  }

  private publishOne(lists: Partial<Reports>): Promise<void> {
    const persistent = lists.finish !== undefined || lists.log !== undefined;
    return this.transport.publish({ ...this.envelope(encodeReports(lists)), address: { to: "reports" }, persistent });
  }

  private envelope(body: string): Omit<Outgoing, "address"> {
    const messageId = newId();
    return { messageId, correlationId: messageId, type: "recorder", body, deadlineMs: this.deadlineMs };
  }
}

/** In their order, by kind; as few messages as their size allows. */
function messagesOf(reports: readonly Report[]): Array<Partial<Reports>> {
  const messages: Array<Partial<Reports>> = [];
  let room = 0;
  for (const { name, report } of reports) {
    const characters = sizeOf(report);
    if (messages.length === 0 || room < characters) {
      messages.push({});
      room = MAX_CHARACTERS;
    }
    room -= characters;
    const lists = messages.at(-1)! as Record<string, unknown[]>;
    lists[name] ??= [];
    lists[name].push(report);
  }
  return messages;
}

function sizeOf(report: object): number {
  let characters = 200;
  for (const value of Object.values(report)) if (typeof value === "string") characters += value.length;
  return characters;
}

function unavailable(error: Error): Error {
  if (!(error instanceof TransportError || error instanceof UnreadableMessage)) return error;
  return new StoreUnavailable(`The recorder cannot be reached: ${error.message}`, error);
}
