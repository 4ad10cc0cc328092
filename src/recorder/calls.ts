import { Batcher } from "../batcher";
import { EndpointEnded, IncarnationLost, StoreUnavailable } from "../errors";
import type { Log } from "../log";
import { newId } from "../model/ids";
import { type KnownTask, UnreadableMessage } from "../model/message";
import type { Beat, Claim, ClaimAnswer, ClaimRequest, ClaimResult, LeaseRef, LeaseState, Store } from "../store/store";
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

/** Batches under way at once, and calls in one. */
const LANES = { size: 500, lanes: 2 };

/**
 * Answers the calls of managers. Calls of one kind that arrive together share statements. Each may
 * be repeated, so a recorder that dies before its reply costs a repetition.
 */
export class CallAnswerer {
  readonly counters = { calls: 0, refused: 0 };
  private readonly claims: Batcher<ClaimCall, ClaimResult>;
  private readonly beats: Batcher<Beat, boolean>;
  private readonly checks: Batcher<readonly LeaseRef[], LeaseState[]>;

  constructor(
    private readonly store: Pick<Store, "managers" | "recorder">,
    private readonly transport: Transport,
    private readonly authors: Authors,
    private readonly log: Log,
  ) {
    const { managers, recorder } = store;
    const claimed = (calls: ClaimCall[]) => recorder.claimAll(calls.map(requestOf));
    this.claims = new Batcher(claimed, LANES);
    this.beats = new Batcher((beats) => recorder.heartbeats(beats), LANES);
    this.checks = new Batcher(async (lists) => {
      const states = await managers.check(lists.flat());
      return lists.map((list) => states.splice(0, list.length));
    }, LANES);
  }

  take(delivery: Delivery): void {
    void this.answer(delivery);
  }

  private async answer(delivery: Delivery): Promise<void> {
    let calls: RecorderCall[] = [];
    try {
      calls = decodeCalls(delivery.body);
      this.authors.assertMay(delivery, calls.flatMap(speakersOf));
      for (const call of calls) if (call.call === "request") this.authors.assertMayRequest(delivery, call.type);
      await this.authors.assertOwn(delivery, calls.flatMap(managersOf));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) return this.refuse(delivery, error as Error);
      // Given back it would come again at once, for as long as the store is away.
      return this.answered(
        delivery,
        calls.map(() => answerError(error)),
      );
    }
    this.counters.calls += calls.length;
    this.answered(delivery, await Promise.all(calls.map((call) => this.perform(call).then(answerOk, answerError))));
  }

  private answered(delivery: Delivery, answers: readonly Answer[]): void {
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
    const { managers } = this.store;
    switch (call.call) {
      case "claim": {
        const result = await this.claims.add(call);
        if ("lost" in result) throw new IncarnationLost(call.managerId);
        return result.answers.map(withoutKnown);
      }
      case "heartbeat":
        return { known: await this.beats.add(call) };
      case "check":
        return this.checks.add(call.leases);
      case "message_key":
        return managers.messageKey();
      case "predecessors":
        return managers.predecessors(call);
      case "register":
        return managers.register({ ...call, labels: call.labels as never });
      case "open_deliveries":
        return managers.openDeliveries(call.endpoint);
      case "leave":
        return managers.leave(call.managerId);
      case "request":
        return managers.request(call);
    }
  }
}

function managersOf(call: RecorderCall): string[] {
  if (call.call === "register") return [call.id, ...(call.spare ?? []), ...(call.former ? [call.former.id] : [])];
  return "managerId" in call ? [call.managerId] : [];
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

function requestOf({ managerId, endpoint, claims }: ClaimCall): ClaimRequest {
  return { managerId, endpoint, claims: claims.map(claimOf) };
}

/** A grant by version says its lease alone: the manager knows the rest. */
function withoutKnown(answer: ClaimAnswer): unknown {
  return answer.granted && answer.identifier === ""
    ? { granted: true, taskId: answer.taskId, job: answer.job, leaseId: answer.leaseId }
    : answer;
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
