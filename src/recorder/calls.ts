import { Batcher } from "../batcher";
import { EndpointEnded, IncarnationLost, StoreUnavailable } from "../errors";
import type { Log } from "../log";
import { newId } from "../model/ids";
import { type KnownTask, UnreadableMessage } from "../model/message";
import type { Claim, ClaimAnswer, LeaseRef, LeaseState, ManagerStore } from "../store/store";
import type { Delivery, Transport } from "../transport/transport";
import type { Authors } from "./authors";
import {
  type Answer,
  type CallNamed,
  decodeCalls,
  encodeAnswers,
  encodeRefusal,
  type RecorderCall,
  speakerOf,
} from "./wire";

type ClaimCall = CallNamed<"claim">;
type Beat = Omit<CallNamed<"heartbeat">, "call" | "endpoint">;

/** Batches under way at once, and calls in one. */
const LANES = { size: 500, lanes: 2 };

/**
 * Answers the calls of managers. Calls of one kind that arrive together share statements. Each may
 * be repeated, so a recorder that dies before its reply costs a repetition.
 */
export class CallAnswerer {
  readonly counters = { calls: 0, refused: 0 };
  private readonly claims: Batcher<ClaimCall, ClaimAnswer[] | IncarnationLost>;
  private readonly beats: Batcher<Beat, boolean>;
  private readonly checks: Batcher<readonly LeaseRef[], LeaseState[]>;

  constructor(
    private readonly store: ManagerStore,
    private readonly transport: Transport,
    private readonly authors: Authors,
    private readonly log: Log,
  ) {
    this.claims = new Batcher((calls) => claimAll(store, calls), LANES);
    this.beats = new Batcher((beats) => Promise.all(beats.map((beat) => beaten(store, beat))), LANES);
    this.checks = new Batcher(async (lists) => {
      const states = await store.check(lists.flat());
      return lists.map((list) => states.splice(0, list.length));
    }, LANES);
  }

  take(delivery: Delivery): void {
    void this.answer(delivery);
  }

  private async answer(delivery: Delivery): Promise<void> {
    let calls: RecorderCall[];
    try {
      calls = decodeCalls(delivery.body);
      this.authors.assertMay(delivery, calls.flatMap(speakersOf));
    } catch (error) {
      return this.refuse(delivery, error as Error);
    }
    this.counters.calls += calls.length;
    const answers = await Promise.all(calls.map((call) => this.perform(call).then(answerOk, answerError)));
    delivery.ack();
    this.reply(delivery, encodeAnswers(answers));
  }

  private refuse(delivery: Delivery, error: Error): void {
    const reason = error instanceof UnreadableMessage ? `${error.reason}: ${error.message}` : `invalid: ${error}`;
    this.counters.refused++;
    this.log.warn({ message_id: delivery.messageId, user: delivery.author, reason }, "parked a call");
    delivery.park(reason);
    this.reply(delivery, encodeRefusal(error.message));
  }

  private reply({ replyTo, correlationId }: Delivery, body: string): void {
    if (replyTo === null) return;
    const message = { messageId: newId(), correlationId: correlationId ?? "", type: "reply", body };
    // Who asked has gone, or asks again.
    this.transport.publish({ ...message, address: { to: "reply", name: replyTo } }).catch(() => undefined);
  }

  private async perform(call: RecorderCall): Promise<unknown> {
    const { store } = this;
    switch (call.call) {
      case "claim": {
        const answers = await this.claims.add(call);
        if (answers instanceof IncarnationLost) throw answers;
        return answers.map(withoutKnown);
      }
      case "heartbeat":
        return { known: await this.beats.add(call) };
      case "check":
        return this.checks.add(call.leases);
      case "message_key":
        return store.messageKey();
      case "predecessors":
        return store.predecessors(call);
      case "register":
        return store.register({ ...call, labels: call.labels as never });
      case "open_deliveries":
        return store.openDeliveries(call.endpoint);
      case "leave":
        return store.leave(call.managerId);
      case "request":
        return store.request(call);
    }
  }
}

function speakersOf(call: RecorderCall): Array<string | null> {
  return [call.endpoint, ...(call.call === "check" ? call.leases.map(speakerOf) : [])];
}

/** The task stays with the manager, which knows it. Only its version is asked for. */
const KNOWN_THERE = { payload: "", identifier: "", traceparent: null, attempt: 0, attempts: 0, timeoutMs: 0 };

function claimOf({ version, ...claim }: ClaimCall["claims"][number]): Claim {
  if (version === undefined || claim.generation == null) return claim;
  const known: KnownTask = { ...KNOWN_THERE, version, generation: claim.generation };
  return { ...claim, known };
}

/** A grant by version says its lease alone: the manager knows the rest. */
function withoutKnown(answer: ClaimAnswer): unknown {
  return answer.granted && answer.identifier === ""
    ? { granted: true, taskId: answer.taskId, job: answer.job, leaseId: answer.leaseId }
    : answer;
}

async function claimAll(
  store: ManagerStore,
  calls: readonly ClaimCall[],
): Promise<Array<ClaimAnswer[] | IncarnationLost>> {
  return Promise.all(
    calls.map(({ managerId, endpoint, claims }) =>
      store.claim(managerId, endpoint, claims.map(claimOf)).catch((error) => {
        if (error instanceof IncarnationLost) return error;
        throw error;
      }),
    ),
  );
}

async function beaten(store: ManagerStore, { managerId, running, draining }: Beat): Promise<boolean> {
  return (await store.heartbeat(managerId, { running, draining })).known;
}

function answerOk(value: unknown): Answer {
  return { ok: value ?? null };
}

function answerError(error: Error): Answer {
  const { message } = error;
  if (error instanceof StoreUnavailable) return { error: { code: "unavailable", message } };
  if (error instanceof IncarnationLost) return { error: { code: "incarnation_lost", message } };
  if (error instanceof EndpointEnded) return { error: { code: "endpoint_ended", message } };
  return { error: { code: "refused", message } };
}
