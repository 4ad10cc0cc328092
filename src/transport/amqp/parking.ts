import type { ConsumeMessage } from "amqplib";
import { type Backoff, backoffMs, pause } from "../../backoff";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import { parkedHeaders } from "../headers";
import type { ParkedDelivery } from "./broker-consumer";
import { PARKING } from "./naming";
import { DEFAULT_DEADLINE_MS, type OutgoingFrame } from "./publish-channel";

const TRIES = 6;
const RETRY: Backoff = { firstMs: 500, factor: 2, maxMs: 30_000 };
const LOGGED_CHARACTERS = 500;

interface Parked {
  queue: string;
  message: ConsumeMessage;
  reason: string;
  delivery: ParkedDelivery;
}

/**
 * Puts messages that cannot be understood aside: copy to the parking queue, confirmed, and only
 * then ack.
 *
 * While the broker is away the ack waits; the broker will deliver the message again, and it is
 * parked then. Where the broker refuses for good (no right, no queue), the message is written to
 * the log after TRIES attempts and acked all the same: it must not count as unacked for ever.
 */
export class Parking {
  parked = 0;
  private readonly closing = new AbortController();

  constructor(
    private readonly publish: (frame: OutgoingFrame) => Promise<void>,
    private readonly log: Log,
  ) {}

  park(queue: string, message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void {
    const { messageId = null } = message.properties;
    this.log.warn({ message_id: messageId, queue, reason }, "A message could not be understood and is parked.");
    void this.attempt({ queue, message, reason, delivery });
  }

  close(): void {
    this.closing.abort();
  }

  private async attempt(parked: Parked): Promise<void> {
    const { delivery } = parked;
    for (let refusals = 0, tries = 0; delivery.pending() && !this.closing.signal.aborted; tries++) {
      try {
        await this.publish(frameOf(parked, refusals));
        this.parked++;
        delivery.ack();
        return;
      } catch (error) {
        const away = error instanceof TransportError && (error.reason === "disconnected" || error.reason === "blocked");
        if (!away && ++refusals >= TRIES) return this.giveUp(parked, error as Error);
        await pause(backoffMs(tries + 1, RETRY), this.closing.signal, { ref: false });
      }
    }
  }

  private giveUp({ queue, message, reason, delivery }: Parked, error: Error): void {
    const body = message.content.toString("utf8").slice(0, LOGGED_CHARACTERS);
    const { messageId = null } = message.properties;
    this.log.error(
      { message_id: messageId, queue, reason, body },
      `A message could not be parked and is dropped: ${error.message}`,
    );
    delivery.ack();
  }
}

function frameOf({ queue, message, reason }: Parked, refusals: number): OutgoingFrame {
  const { messageId, correlationId, type, contentType, contentEncoding, appId } = message.properties;
  // A foreign header that cannot be written again must not keep the message from being parked.
  const own = refusals === 0 ? { ...message.properties.headers } : {};
  return {
    exchange: PARKING,
    key: PARKING,
    body: message.content,
    properties: {
      messageId,
      correlationId,
      type,
      contentType,
      contentEncoding,
      appId,
      persistent: true,
      headers: parkedHeaders(own, reason, queue),
    },
    deadlineMs: DEFAULT_DEADLINE_MS,
    where: `queue ${PARKING}`,
  };
}
