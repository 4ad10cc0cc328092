import { Batcher } from "../batcher";
import { EndpointEnded, IncarnationLost, StoreUnavailable, TransportError } from "../errors";
import { newId } from "../model/ids";
import { UnreadableMessage } from "../model/message";
import {
  type AttemptEnd,
  type Claim,
  type ClaimAnswer,
  type EndAnswer,
  knownGrant,
  type LeaseRef,
  type LeaseState,
  type ManagerRegistration,
  type ManagerStore,
  type NewRequest,
} from "../store/store";
import { killPoint } from "../testing/kill-points";
import type { Outgoing, Transport } from "../transport/transport";
import { type Answer, decodeAnswers, encodeCalls, encodeReports, type RecorderCall, type Reports } from "./wire";

/** Calls in one message, and messages under way at once. */
const CALLS = { size: 200, lanes: 4 };
/** Reports in one message; a message of large ones is closed sooner. */
const REPORTS = { size: 500, lanes: 4 };
const MAX_CHARACTERS = 1024 * 1024;
/** Heartbeats wait this long for those of the process's other managers. */
const GATHER_MS = 200;

type Report = { [Name in keyof Reports]: { name: Name; report: Reports[Name][number] } }[keyof Reports];

/**
 * The store as a manager has it that reaches the broker alone: the recorder stands at the other
 * side. What all managers of a process say at a time leaves in one message.
 *
 * Reports resolve once the broker has confirmed them, ends and logs persistently: from then on the
 * queue owns them. Calls resolve with their answer. Both reject with StoreUnavailable while the
 * broker or the recorder is away, and may be repeated.
 */
export class RemoteStore implements ManagerStore {
  private readonly calls: Batcher<RecorderCall, Answer>;
  private readonly reports: Batcher<Report, void>;
  private gathering: Promise<void> | null = null;
  /** Whether the recorder answered the last call; null: none was made. */
  answered: boolean | null = null;

  constructor(
    private readonly transport: Pick<Transport, "publish" | "call">,
    private readonly deadlineMs: number,
  ) {
    this.calls = new Batcher((calls) => this.send(calls), CALLS);
    this.reports = new Batcher((reports) => this.publish(reports), REPORTS);
  }

  messageKey(): Promise<string | null> {
    return this.ask({ call: "message_key", endpoint: ANYWHERE });
  }

  predecessors(
    of: Pick<ManagerRegistration, "endpoint" | "host" | "slot">,
  ): Promise<Array<{ id: string; pid: number }>> {
    const { endpoint, host, slot } = of;
    return this.ask({ call: "predecessors", endpoint, host, slot });
  }

  async register(manager: ManagerRegistration): Promise<void> {
    const { spare, labels, ...rest } = manager;
    await this.ask({ call: "register", ...rest, labels: labels as never, spare: spare && [...spare] });
  }

  openDeliveries(endpoint: string): ReturnType<ManagerStore["openDeliveries"]> {
    return this.ask({ call: "open_deliveries", endpoint });
  }

  async heartbeat(managerId: string, state: { running: number; draining: boolean }): Promise<{ known: boolean }> {
    this.gathering ??= new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS)).finally(() => {
      this.gathering = null;
    });
    await this.gathering;
    return this.ask({ call: "heartbeat", endpoint: ANYWHERE, managerId, ...state });
  }

  async leave(managerId: string): Promise<void> {
    await this.ask({ call: "leave", endpoint: ANYWHERE, managerId });
  }

  async claim(managerId: string, endpoint: string, claims: readonly Claim[]): Promise<ClaimAnswer[]> {
    const asked = claims.map(({ taskId, job, type, generation, known, endpoint: key, leaseId, attempt }) => ({
      ...{ taskId, job, type, generation, endpoint: key, leaseId, attempt },
      version: known?.version,
    }));
    const answers = await this.ask<ClaimAnswer[]>({ call: "claim", endpoint, managerId, claims: asked });
    // A grant without a payload is one by the version that the manager knows.
    return answers.map((answer, i) =>
      answer.granted && answer.payload === undefined ? knownGrant(claims[i]!, endpoint, answer.leaseId) : answer,
    );
  }

  async received(endpoint: string, tasks: ReadonlyArray<Pick<Claim, "taskId" | "job" | "generation">>): Promise<void> {
    await this.reportAll(
      "received",
      tasks.map(({ taskId, job, generation }) => ({ endpoint, taskId, job, generation })),
    );
  }

  underWay(leases: readonly LeaseRef[]): Promise<void> {
    return this.reportAll("underWay", leases.map(leaseOf));
  }

  progress(reports: ReadonlyArray<LeaseRef & { progress: number; message: string | null }>): Promise<void> {
    return this.reportAll("progress", reports);
  }

  log(chunks: Parameters<ManagerStore["log"]>[0]): Promise<void> {
    return this.reportAll("log", chunks);
  }

  /** They stand with the broker: what the store has to say of them nobody waits for. */
  async finish(ends: readonly AttemptEnd[]): Promise<EndAnswer[]> {
    await this.reportAll("finish", ends);
    return ends.map(() => ({ kind: "recorded" }));
  }

  async request(row: NewRequest): Promise<void> {
    await this.ask({ call: "request", endpoint: ANYWHERE, ...row });
  }

  check(leases: readonly LeaseRef[]): Promise<LeaseState[]> {
    return this.ask({ call: "check", endpoint: ANYWHERE, leases: leases.map(leaseOf) });
  }

  confirm(leases: ReadonlyArray<LeaseRef & { leftMs: number }>): Promise<void> {
    return this.reportAll(
      "confirm",
      leases.map((lease) => ({ ...leaseOf(lease), leftMs: lease.leftMs })),
    );
  }

  private async ask<T>(call: RecorderCall): Promise<T> {
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
      this.answered = true;
      return decodeAnswers(reply);
    } catch (error) {
      this.answered = false;
      throw unavailable(error as Error);
    }
  }

  private async reportAll<Name extends keyof Reports>(
    name: Name,
    list: ReadonlyArray<Reports[Name][number]>,
  ): Promise<void> {
    await Promise.all(list.map((report) => this.reports.add({ name, report } as Report)));
  }

  private async publish(reports: readonly Report[]): Promise<void[]> {
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

/** A call that concerns no endpoint, or what only its id can name. */
const ANYWHERE = "-";

function leaseOf({ taskId, endpoint, job, leaseId }: LeaseRef): LeaseRef {
  return { taskId, endpoint, job, leaseId };
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
