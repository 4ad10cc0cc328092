import type { TaskTypeConfig } from "../../config/config";
import { mayBegin, UnreadableMessage } from "../../model/message";
import { ANY_ENDPOINT } from "../../model/names";
import type { Delivery } from "../../transport/transport";
import type { ManagerContext } from "../context";
import { DeliveryBatch } from "./delivery-batch";
import type { ManagerSlots } from "./job-slots";
import type { ReadMessage } from "./message-verifier";

/** Deliveries → tasks that wait for slots. */
export class Receiver {
  constructor(
    private readonly context: ManagerContext,
    private readonly allSlots: ManagerSlots,
  ) {}

  /** @param former from a queue of the kind of delivery that the type does not have any more */
  receive(type: TaskTypeConfig, delivery: Delivery, former: boolean): void {
    const { counters, verifier } = this.context;
    counters.deliveries++;
    let read: ReadMessage;
    try {
      read = verifier.read(delivery.body);
      if (read.message.type !== type.name)
        throw new UnreadableMessage("invalid", `it is of type "${read.message.type}", in a queue of "${type.name}"`);
    } catch (error) {
      const reason = error instanceof UnreadableMessage ? `${error.reason}: ${error.message}` : `invalid: ${error}`;
      this.park(type, delivery, reason);
      return;
    }
    this.enqueue(type, former ? { ...read, known: null } : read, delivery);
    this.allSlots.changed();
  }

  private park(type: TaskTypeConfig, delivery: Delivery, reason: string): void {
    const { counters, endpoint, log } = this.context;
    counters.parked++;
    log.warn({ type: type.name, endpoint, message_id: delivery.messageId, reason }, "parked a message");
    delivery.park(reason);
  }

  private enqueue(type: TaskTypeConfig, { message, known }: ReadMessage, delivery: Delivery): void {
    const { counters, endpoint } = this.context;
    const batch = new DeliveryBatch(delivery, message.tasks.length, counters);
    const since = performance.now();
    // The row of a `deliver: one` type has no endpoint yet.
    const key = type.deliver === "one" ? ANY_ENDPOINT : endpoint;
    // What comes again may have been at a handler that brought its manager down: its attempts have
    // to be counted.
    const begins = type.claim === "late" && known !== null && !delivery.redelivered && mayBegin(message, key);
    message.tasks.forEach(({ id, job, priority, generation }, i) => {
      const task = {
        taskId: id,
        job: job ?? "",
        type: type.name,
        endpoint: key,
        priority,
        generation,
        known: known?.[i] ?? null,
        mayBegin: begins && known[i] !== null,
        batch,
        since,
        reported: false,
        secured: false,
      };
      if (!this.allSlots.of(type.name, task.job)!.waiting.push(task)) batch.done(task);
    });
  }
}
