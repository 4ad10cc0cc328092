import { type ConfirmChannel, type ConsumeMessage, IllegalOperationError, type Options } from "amqplib";
import type { TransportError } from "../../errors";
import type { Session } from "./session";

/** Milliseconds until an unconfirmed publish rejects, if its caller names none. */
export const DEFAULT_DEADLINE_MS = 15_000;

/** A message as it goes to the broker. */
export interface OutgoingFrame {
  exchange: string;
  key: string;
  body: Buffer;
  properties: Options.Publish;
  deadlineMs: number;
  /** For messages to people: where it is going. */
  where: string;
}

/** A message that waits to be sent or is in flight. */
export interface Pending extends OutgoingFrame {
  expiresAt: number;
  /** On which it is in flight. */
  channel: PublishChannel | null;
  done: boolean;
  resolve(): void;
  reject(error: TransportError): void;
}

/** How the broker answered. `returned`: there is no queue · `closed`: nobody knows. */
export type Answer = "confirmed" | "returned" | "nacked" | "closed";

export interface PublishChannelEvents {
  failed(error: Error): void;
  /** It takes messages again. */
  drained(): void;
  closed(channel: PublishChannel): void;
  /** Takes the replies to calls published here; left out: there are none. */
  replied?(message: ConsumeMessage): void;
}

/**
 * The broker's own name for "the channel that published the call". Its replies need no queue and no
 * rights, and reach nobody else.
 */
export const REPLIES = "amq.rabbitmq.reply-to";

/** One channel with confirms: mandatory messages, each answered once. */
export class PublishChannel {
  readonly inFlight = new Set<Pending>();
  /** It takes no more, and is closed when nothing of it is in flight. */
  retired = false;
  /** False while the socket has enough. */
  writable = true;
  /** Keys of returned messages, with how many of each. A return always comes before its confirm. */
  private readonly returned = new Map<string, number>();

  private constructor(
    readonly session: Session,
    private readonly channel: ConfirmChannel,
  ) {}

  static async open(session: Session, events: PublishChannelEvents): Promise<PublishChannel> {
    const channel = await session.openConfirmChannel((error) => events.failed(error));
    const opened = new PublishChannel(session, channel);
    channel.on("return", ({ fields, properties }) => {
      const key = returnKey(fields.exchange, fields.routingKey, properties.messageId);
      opened.returned.set(key, (opened.returned.get(key) ?? 0) + 1);
    });
    channel.on("drain", () => {
      opened.writable = true;
      events.drained();
    });
    channel.on("close", () => events.closed(opened));
    const { replied } = events;
    if (replied) {
      const consuming = channel.consume(REPLIES, (message) => message && replied(message), { noAck: true });
      await session.rpc(consuming, "consuming replies");
    }
    return opened;
  }

  /** False: the channel is closing, nothing was sent. Throws for what cannot be encoded. */
  send(frame: OutgoingFrame, answered: (answer: Answer) => void): boolean {
    // A reply that reaches its channel would be returned, too: no queue takes it.
    const options = { ...frame.properties, mandatory: !frame.key.startsWith(REPLIES) };
    try {
      this.writable = this.channel.publish(frame.exchange, frame.key, frame.body, options, (error: unknown) => {
        const returned = this.takeReturn(frame);
        if (error) answered((error as Error).message === "message nacked" ? "nacked" : "closed");
        else answered(returned ? "returned" : "confirmed");
      });
      return true;
    } catch (error) {
      if (!(error instanceof IllegalOperationError)) throw error;
      this.writable = false;
      return false;
    }
  }

  close(): void {
    void this.session.closeChannel(this.channel);
  }

  private takeReturn({ exchange, key, properties }: OutgoingFrame): boolean {
    if (this.returned.size === 0) return false;
    const name = returnKey(exchange, key, properties.messageId);
    const times = this.returned.get(name) ?? 0;
    if (times > 1) this.returned.set(name, times - 1);
    else this.returned.delete(name);
    return times > 0;
  }
}

function returnKey(exchange: string, key: string, messageId: string | undefined): string {
  return `${exchange}\n${key}\n${messageId ?? ""}`;
}
