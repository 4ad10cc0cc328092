import type { Band } from "../model/priority";

/**
 * The seam to the broker: a wake-up channel that can be rebuilt from the store. It carries messages
 * to queues and hands deliveries to consumers; it decides nothing about tasks.
 *
 * Promises every implementation keeps (test/transport/contract.ts):
 *  - A resolved publish is routed to at least one queue; everything else rejects with a
 *    TransportError within its deadline.
 *  - A queued wake-up lasts as long as the broker runs (`lostMessages`); a parked message survives
 *    a restart.
 *  - A delivery not acked when its consumer or process ends is delivered again.
 *  - At most `prefetch` deliveries of a subscription are unacked at once. Order is not promised.
 *  - Messages are text; what was published is what arrives, byte for byte.
 *  - ack, release and park may be called once; after the connection they belong to is gone they do
 *    nothing (the broker delivers again, and the claim sorts it out).
 *  - Connections are kept up by the transport itself: no call here needs a reconnect by the caller,
 *    no error is thrown at anybody but the caller of publish, declare and depth.
 */
export interface Transport {
  readonly kind: "amqp" | "embedded";
  /** Connects. Resolves when usable, or rejects after `deadlineMs` and keeps trying. */
  open(deadlineMs: number): Promise<void>;
  /** Declares a type's exchange, and for `deliver: one` its queues; again after each reconnect. */
  declareType(type: TypeTopology): Promise<void>;
  /** Declares and binds an endpoint's queue for a type; again after each reconnect. */
  declareEndpoint(type: string, endpoint: string): Promise<void>;
  /** Whether this process has declared that queue on the present connection. */
  hasEndpoint(type: string, endpoint: string): boolean;
  /**
   * Deletes an endpoint's queue for a type with its bindings and all that is in it, and declares it
   * no more. A queue that is not there is no error. Rejects with a TransportError where it cannot
   * be done now; it is declared no more all the same.
   */
  removeEndpoint(type: string, endpoint: string): Promise<void>;
  publish(message: Outgoing): Promise<void>;
  /** Declares the queues of the recorder; again after each reconnect. */
  declareRecorder(): Promise<void>;
  /**
   * Publishes a message to the recorder and resolves to the body of its reply. Rejects with a
   * TransportError where none arrives within the deadline: the message may have taken effect.
   */
  call(message: Outgoing): Promise<string>;
  /** Starts consuming, and again after every reconnect or cancelled consumer, until `stop`. */
  consume(subscription: Subscription): Promise<Consumption>;
  /** Ready messages and consumers of the address's queue; null: there is no such queue. */
  depth(address: Address): Promise<QueueDepth | null>;
  /**
   * Whether queued messages may be gone: the broker has started since `markBoot`, or this process
   * has lost its connection since then. Rejects with a TransportError while there is no connection.
   */
  lostMessages(): Promise<boolean>;
  /** What may have been lost is about to be published again. Rejects as `lostMessages`. */
  markBoot(): Promise<void>;
  health(): TransportHealth;
  close(deadlineMs: number): Promise<void>;
}

export interface TypeTopology {
  type: string;
  deliver: "each" | "one";
}

/**
 * Where a message goes.
 *  - endpoint: that endpoint's queue for the type, directly (default exchange)
 *  - all: every endpoint queue of the type, with one publish
 *  - one: the shared queue of a `deliver: one` type, of the given band of priorities (0 if left
 *    out)
 *  - dead: the parking queue
 *  - reports, calls: the queues of the recorder; one consumer at a time gets the reports, in their
 *    order
 *  - reply: the caller's own queue, named in its call
 */
export type Address =
  | { to: "endpoint"; type: string; endpoint: string }
  | { to: "all"; type: string }
  | { to: "one"; type: string; band?: Band }
  | { to: "dead" }
  | { to: "reports" }
  | { to: "calls" }
  | { to: "reply"; name: string };

export interface Outgoing {
  address: Address;
  /** JSON text. */
  body: string;
  messageId: string;
  correlationId: string;
  type: string;
  headers?: Record<string, string | number>;
  /** It survives a restart of the broker, as a parked message does. */
  persistent?: boolean;
  /** Milliseconds until an unconfirmed publish rejects; 15000 if left out. */
  deadlineMs?: number;
}

export interface Subscription {
  address: Address;
  /** Deliveries unacked at once, 1–300. */
  prefetch: number;
  /** Must not throw; called once per delivery. */
  onDelivery(delivery: Delivery): void;
}

export interface Delivery {
  body: string;
  messageId: string | null;
  redelivered: boolean;
  headers: Record<string, unknown>;
  /** The broker's user who published it, as the broker has checked; null: it does not say. */
  author: string | null;
  /** Where a reply is expected, and which message it answers. */
  replyTo: string | null;
  correlationId: string | null;
  /** Done with it. */
  ack(): void;
  /** Give it back for another consumer, as in a drain; never a way to retry. */
  release(): void;
  /** It cannot be understood: put it with the reason into the parking queue, then ack. */
  park(reason: string): void;
}

export interface Consumption {
  /** Takes no more; what is unacked stays with the caller. Resolves when nothing can arrive. */
  stop(): Promise<void>;
  /** Takes none until `resume`; for when the store is away. Idempotent. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

export interface QueueDepth {
  ready: number;
  consumers: number;
}

export interface TransportHealth {
  connected: boolean;
  /** The broker refuses publishes for want of memory or disk. */
  blocked: boolean;
  /** Published and not yet confirmed. */
  inFlight: number;
  reconnects: number;
  parked: number;
  lastError: string | null;
}
