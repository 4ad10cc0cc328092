import { TransportError } from "../../src/errors";
import type { Address, Consumption, Delivery, Outgoing, QueueDepth, Transport } from "../../src/transport/transport";
import { until } from "../support/until";

/** What a test needs to try an implementation. */
export interface ManagerHarness {
  /** A new transport to the same broker, opened; as from a process of its own. */
  connect(): Promise<Transport>;
  /** Frees everything, transports included. */
  dispose(): Promise<void>;
}

/** Where implementations may differ, said aloud. */
export interface Features {
  /** Bytes of a message that the broker must take whole. */
  largeBody: number;
}

let lastType = 0;

/** A type that no other test uses. */
function freshType(): string {
  return `contract-${++lastType}`;
}

export function outgoing(address: Address, body = '{"v":1}', more: Partial<Outgoing> = {}): Outgoing {
  return {
    address,
    body,
    messageId: `id-${Math.random().toString(16).slice(2)}`,
    correlationId: "corr",
    type: "t",
    ...more,
  };
}

/** Collects deliveries without settling them. */
export class Receiver {
  readonly deliveries: Delivery[] = [];
  readonly onDelivery = (delivery: Delivery) => {
    this.deliveries.push(delivery);
    if (this.ackAll) delivery.ack();
  };
  constructor(private readonly ackAll = false) {}

  get bodies(): string[] {
    return this.deliveries.map((delivery) => delivery.body);
  }

  count(expected: number): Promise<boolean> {
    return until(`${expected} deliveries`, () => this.deliveries.length >= expected);
  }
}

export const at = (type: string, endpoint: string): Address => ({ to: "endpoint", type, endpoint });

/** Awaits that depth: a quorum queue's numbers follow what happened with a short delay. */
export async function queueIs(transport: Transport, address: Address, expected: QueueDepth): Promise<void> {
  let last: QueueDepth | null = null;
  await until(`${JSON.stringify(address)} to be ${JSON.stringify(expected)}`, async () => {
    last = await transport.depth(address);
    return last?.ready === expected.ready && last.consumers === expected.consumers;
  }).catch((error: Error) => {
    throw new Error(`${error.message} It is ${JSON.stringify(last)}.`);
  });
}

/** Every implementation passes this. */
export function describeTransport(name: string, create: () => Promise<ManagerHarness>, features: Features): void {
  describe(`${name} as a transport`, () => {
    let bench: ManagerHarness;
    let transport: Transport;
    let type: string;

    beforeAll(async () => {
      bench = await create();
    });
    afterAll(() => bench.dispose());
    beforeEach(async () => {
      transport = await bench.connect();
      type = freshType();
      await transport.declareType({ type, deliver: "each" });
    });
    afterEach(() => transport.close(2_000));

    const listen = async (address: Address, receiver: Receiver, prefetch = 10, on = transport): Promise<Consumption> =>
      on.consume({ address, prefetch, onDelivery: receiver.onDelivery });

    it("delivers to the endpoint's queue exactly what was published, and to no other", async () => {
      await transport.declareEndpoint(type, "one");
      await transport.declareEndpoint(type, "two");
      const one = new Receiver(true);
      const two = new Receiver(true);
      await listen(at(type, "one"), one);
      await listen(at(type, "two"), two);
      const body = JSON.stringify({
        text: 'zażółć 🐙 \u0000 \\ " line\nfeed',
        number: 12345678901234567890n.toString(),
      });
      const message = outgoing(at(type, "one"), body, { headers: { traceparent: "00-ab-cd-01", attempt: 3 } });
      await transport.publish(message);
      await one.count(1);
      const delivery = one.deliveries[0]!;
      expect(delivery.body).toBe(body);
      expect(delivery.messageId).toBe(message.messageId);
      expect(delivery.redelivered).toBe(false);
      expect(delivery.headers).toMatchObject({ traceparent: "00-ab-cd-01", attempt: 3 });
      expect(two.deliveries).toHaveLength(0);
    });

    it("reaches every endpoint of the type with one publish to all", async () => {
      const receivers = new Map(["a", "b", "c"].map((endpoint) => [endpoint, new Receiver(true)]));
      for (const [endpoint, receiver] of receivers) {
        await transport.declareEndpoint(type, endpoint);
        await listen(at(type, endpoint), receiver);
      }
      await transport.publish(outgoing({ to: "all", type }, '"everybody"'));
      for (const receiver of receivers.values()) {
        await receiver.count(1);
        expect(receiver.bodies).toEqual(['"everybody"']);
      }
    });

    it("hands a message for one to a single consumer of the shared queue", async () => {
      const shared = freshType();
      await transport.declareType({ type: shared, deliver: "one" });
      const receivers = [new Receiver(true), new Receiver(true)];
      for (const receiver of receivers) await listen({ to: "one", type: shared }, receiver, 1);
      for (let i = 0; i < 20; i++) await transport.publish(outgoing({ to: "one", type: shared }, String(i)));
      await until(
        "20 deliveries together",
        () => receivers[0]!.deliveries.length + receivers[1]!.deliveries.length >= 20,
      );
      const all = receivers.flatMap((receiver) => receiver.bodies).map(Number);
      expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
      for (const receiver of receivers) expect(receiver.deliveries.length).toBeGreaterThan(0);
    });

    it("keeps the shared queue's bands of priorities apart, and an address without a band means the lowest", async () => {
      await transport.declareType({ type, deliver: "one" });
      for (const band of [0, 1, 2] as const)
        await transport.publish(outgoing({ to: "one", type, band }, `band ${band}`));
      await transport.publish(outgoing({ to: "one", type }, "no band"));
      const ready = async (band: 0 | 1 | 2) => (await transport.depth({ to: "one", type, band }))?.ready;
      expect([await ready(0), await ready(1), await ready(2)]).toEqual([2, 1, 1]);
      const urgent = new Receiver(true);
      const others = new Receiver(true);
      await listen({ to: "one", type, band: 2 }, urgent);
      await listen({ to: "one", type }, others);
      await urgent.count(1);
      await others.count(2);
      expect(urgent.bodies).toEqual(["band 2"]);
      expect([...others.bodies].sort()).toEqual(["band 0", "no band"]);
      expect(await ready(1)).toBe(1);
    });

    it("keeps apart names that look alike when joined by dots", async () => {
      await transport.declareType({ type: `${type}.x`, deliver: "one" });
      await transport.declareEndpoint(type, "x.y");
      await transport.declareEndpoint(type, "x");
      await transport.declareEndpoint(`${type}.x`, "y");
      await transport.publish(outgoing(at(type, "x.y")));
      await queueIs(transport, at(type, "x.y"), { ready: 1, consumers: 0 });
      await queueIs(transport, at(`${type}.x`, "y"), { ready: 0, consumers: 0 });
      await queueIs(transport, at(type, "x"), { ready: 0, consumers: 0 });
      await queueIs(transport, { to: "one", type: `${type}.x` }, { ready: 0, consumers: 0 });
    });

    it("rejects what no queue takes, naming it", async () => {
      await expect(transport.publish(outgoing(at(type, "nobody")))).rejects.toMatchObject({ reason: "unroutable" });
      await expect(transport.publish(outgoing({ to: "all", type }))).rejects.toMatchObject({ reason: "unroutable" });
      await expect(transport.publish(outgoing(at(type, "nobody")))).rejects.toThrow(/nobody/);
      await expect(transport.publish(outgoing(at(type, "nobody")))).rejects.toBeInstanceOf(TransportError);
    });

    it("keeps at most `prefetch` deliveries unacked and goes on as they are acked", async () => {
      await transport.declareEndpoint(type, "e");
      for (let i = 0; i < 10; i++) await transport.publish(outgoing(at(type, "e"), String(i)));
      const receiver = new Receiver();
      await listen(at(type, "e"), receiver, 3);
      await receiver.count(3);
      await queueIs(transport, at(type, "e"), { ready: 7, consumers: 1 });
      receiver.deliveries[0]!.ack();
      await receiver.count(4);
      for (let acked = 1; acked < 10; acked++) {
        await receiver.count(acked + 1);
        receiver.deliveries[acked]!.ack();
      }
      expect([...receiver.bodies].sort()).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
    });

    it("refuses a prefetch that would not bound anything", async () => {
      const consume = (prefetch: number) =>
        transport.consume({ address: at(type, "e"), prefetch, onDelivery: () => {} });
      await expect(consume(0)).rejects.toBeInstanceOf(RangeError);
      await expect(consume(301)).rejects.toBeInstanceOf(RangeError);
    });

    it("delivers again what was unacked when its transport went away, marked as redelivered", async () => {
      await transport.declareEndpoint(type, "e");
      const other = await bench.connect();
      const lost = new Receiver();
      await listen(at(type, "e"), lost, 10, other);
      for (const body of ["1", "2", "3"]) await transport.publish(outgoing(at(type, "e"), body));
      await lost.count(3);
      lost.deliveries.find((delivery) => delivery.body === "2")!.ack();
      await other.close(2_000);
      const receiver = new Receiver(true);
      await listen(at(type, "e"), receiver);
      await receiver.count(2);
      expect([...receiver.bodies].sort()).toEqual(["1", "3"]);
      expect(receiver.deliveries.map((delivery) => delivery.redelivered)).toEqual([true, true]);
      // Late acks of the old deliveries touch nothing.
      for (const delivery of lost.deliveries) delivery.ack();
      await queueIs(transport, at(type, "e"), { ready: 0, consumers: 1 });
    });

    it("gives a released delivery to another consumer", async () => {
      await transport.declareEndpoint(type, "e");
      const first = new Receiver();
      const consumption = await listen(at(type, "e"), first, 1);
      await transport.publish(outgoing(at(type, "e"), "x"));
      await first.count(1);
      await consumption.stop();
      const second = new Receiver(true);
      await listen(at(type, "e"), second);
      first.deliveries[0]!.release();
      await second.count(1);
      expect(second.deliveries[0]!.redelivered).toBe(true);
    });

    it("settles a delivery once, whatever is called after", async () => {
      await transport.declareEndpoint(type, "e");
      const receiver = new Receiver();
      await listen(at(type, "e"), receiver, 1);
      await transport.publish(outgoing(at(type, "e"), "1"));
      await transport.publish(outgoing(at(type, "e"), "2"));
      await receiver.count(1);
      const [delivery] = receiver.deliveries;
      delivery!.ack();
      delivery!.ack();
      delivery!.release();
      delivery!.park("never");
      await receiver.count(2);
      receiver.deliveries[1]!.ack();
      await until("an empty queue", async () => (await transport.depth(at(type, "e")))?.ready === 0);
      expect(receiver.bodies).toEqual(["1", "2"]);
      expect(transport.health().parked).toBe(0);
    });

    it("stops: takes no more, and what is unacked can still be settled", async () => {
      await transport.declareEndpoint(type, "e");
      for (let i = 0; i < 50; i++) await transport.publish(outgoing(at(type, "e"), String(i)));
      const receiver = new Receiver();
      const consumption = await listen(at(type, "e"), receiver, 5);
      await receiver.count(5);
      await consumption.stop();
      const taken = receiver.deliveries.length;
      for (const delivery of receiver.deliveries) delivery.ack();
      await until("the rest to be ready", async () => {
        const depth = await transport.depth(at(type, "e"));
        return depth?.ready === 50 - taken && depth.consumers === 0;
      });
      expect(receiver.deliveries).toHaveLength(taken);
      await consumption.stop();
    });

    it("pauses and resumes without losing or doubling anything", async () => {
      await transport.declareEndpoint(type, "e");
      const receiver = new Receiver(true);
      const consumption = await listen(at(type, "e"), receiver);
      await transport.publish(outgoing(at(type, "e"), "1"));
      await receiver.count(1);
      await consumption.pause();
      await consumption.pause();
      await transport.publish(outgoing(at(type, "e"), "2"));
      await queueIs(transport, at(type, "e"), { ready: 1, consumers: 0 });
      await consumption.resume();
      await consumption.resume();
      await receiver.count(2);
      expect(receiver.bodies).toEqual(["1", "2"]);
    });

    it("ends up as last told when pause, resume and stop come all at once", async () => {
      await transport.declareEndpoint(type, "e");
      const receiver = new Receiver(true);
      const consumption = await listen(at(type, "e"), receiver);
      await Promise.all([consumption.pause(), consumption.resume(), consumption.pause(), consumption.resume()]);
      await transport.publish(outgoing(at(type, "e"), "1"));
      await receiver.count(1);
      await Promise.all([consumption.pause(), consumption.stop(), consumption.resume()]);
      await until("no consumer", async () => (await transport.depth(at(type, "e")))?.consumers === 0);
    });

    it("parks what cannot be understood, with body, reason and origin, and counts it", async () => {
      await transport.declareEndpoint(type, "e");
      const receiver = new Receiver();
      await listen(at(type, "e"), receiver);
      await transport.publish(outgoing(at(type, "e"), "not json {", { headers: { from: "elsewhere" } }));
      await receiver.count(1);
      receiver.deliveries[0]!.park("not_json: unexpected token");
      await until("the message to be parked", () => transport.health().parked === 1);
      const parked = new Receiver(true);
      await listen({ to: "dead" }, parked);
      await parked.count(1);
      const delivery = parked.deliveries.at(-1)!;
      expect(delivery.body).toBe("not json {");
      expect(delivery.messageId).toBe(receiver.deliveries[0]!.messageId);
      expect(delivery.headers).toMatchObject({
        from: "elsewhere",
        "x-tasker-reason": "not_json: unexpected token",
        "x-tasker-queue": `tasker.${type}.e`,
      });
      await until("an ack after parking", async () => (await transport.depth(at(type, "e")))?.ready === 0);
    });

    it("says how deep a queue is, and null for one that is not there", async () => {
      await transport.declareEndpoint(type, "e");
      await queueIs(transport, at(type, "e"), { ready: 0, consumers: 0 });
      await transport.publish(outgoing(at(type, "e")));
      await queueIs(transport, at(type, "e"), { ready: 1, consumers: 0 });
      expect(await transport.depth(at(type, "nowhere"))).toBeNull();
      expect(await transport.depth({ to: "all", type })).toBeNull();
    });

    it("knows what it has declared itself", async () => {
      expect(transport.hasEndpoint(type, "e")).toBe(false);
      await transport.declareEndpoint(type, "e");
      await transport.declareEndpoint(type, "e");
      expect(transport.hasEndpoint(type, "e")).toBe(true);
    });

    it("removes an endpoint's queue with its bindings and messages, and nobody else's; again, too", async () => {
      await transport.declareType({ type, deliver: "each" });
      for (const endpoint of ["a", "b"]) await transport.declareEndpoint(type, endpoint);
      const other = await bench.connect();
      await other.declareEndpoint(type, "a");
      await transport.publish(outgoing({ to: "all", type }, "before"));
      await transport.removeEndpoint(type, "a");
      await transport.removeEndpoint(type, "a");
      await other.removeEndpoint(type, "a");
      await transport.removeEndpoint(type, "never-there");
      expect([transport.hasEndpoint(type, "a"), transport.hasEndpoint(type, "b")]).toEqual([false, true]);
      expect(await transport.depth(at(type, "a"))).toBeNull();
      await expect(transport.publish(outgoing(at(type, "a")))).rejects.toMatchObject({ reason: "unroutable" });
      await transport.publish(outgoing({ to: "all", type }, "after"));
      await queueIs(transport, at(type, "b"), { ready: 2, consumers: 0 });

      await transport.declareEndpoint(type, "a");
      const receiver = new Receiver(true);
      await transport.consume({ address: at(type, "a"), prefetch: 5, onDelivery: receiver.onDelivery });
      await transport.publish(outgoing({ to: "all", type }, "new"));
      await receiver.count(1);
      expect(receiver.bodies).toEqual(["new"]);
    });

    it("gives a consumer whose queue was removed what comes once the queue is declared again", async () => {
      await transport.declareType({ type, deliver: "each" });
      await transport.declareEndpoint(type, "a");
      const receiver = new Receiver(true);
      await transport.consume({ address: at(type, "a"), prefetch: 5, onDelivery: receiver.onDelivery });
      const other = await bench.connect();
      await other.removeEndpoint(type, "a");
      await transport.declareEndpoint(type, "a");
      await until("the queue takes messages again", () =>
        other.publish(outgoing({ to: "all", type }, "new")).then(
          () => true,
          () => false,
        ),
      );
      await receiver.count(1);
      expect(new Set(receiver.bodies)).toEqual(new Set(["new"]));
    });

    it("keeps messages while nobody consumes, and starts consuming a queue declared only later", async () => {
      const receiver = new Receiver(true);
      const early = await listen(at(type, "late"), receiver);
      await transport.declareEndpoint(type, "late");
      await transport.publish(outgoing(at(type, "late"), "kept"));
      await receiver.count(1);
      await early.stop();
    });

    it("goes on delivering after its receiver threw", async () => {
      await transport.declareEndpoint(type, "e");
      const seen: string[] = [];
      await transport.consume({
        address: at(type, "e"),
        prefetch: 5,
        onDelivery: (delivery) => {
          seen.push(delivery.body);
          if (delivery.body === "bad") throw new Error("the receiver is broken");
          delivery.ack();
        },
      });
      for (const body of ["bad", "good"]) await transport.publish(outgoing(at(type, "e"), body));
      await until("the message after the bad one", () => seen.includes("good"));
      expect(seen.filter((body) => body === "bad")).toHaveLength(1);
    });

    it("carries a large body whole", async () => {
      await transport.declareEndpoint(type, "e");
      const receiver = new Receiver(true);
      await listen(at(type, "e"), receiver);
      const body = JSON.stringify({ filler: "é".repeat(features.largeBody / 2) });
      await transport.publish(outgoing(at(type, "e"), body));
      await receiver.count(1);
      expect(receiver.deliveries[0]!.body === body).toBe(true);
    });

    it("takes thousands of publishes at once and delivers each once", async () => {
      await transport.declareEndpoint(type, "e");
      const receiver = new Receiver(true);
      await listen(at(type, "e"), receiver, 300);
      const total = 5_000;
      const all = Array.from({ length: total }, (_, i) => transport.publish(outgoing(at(type, "e"), String(i))));
      await Promise.all(all);
      await receiver.count(total);
      expect(new Set(receiver.bodies).size).toBe(total);
      expect(receiver.deliveries).toHaveLength(total);
      expect(transport.health().inFlight).toBe(0);
    });

    it("refuses everything after close, which may be called twice", async () => {
      const other = await bench.connect();
      await other.close(2_000);
      await other.close(2_000);
      await expect(other.publish(outgoing(at(type, "e")))).rejects.toMatchObject({ reason: "closed" });
      await expect(other.declareEndpoint(type, "e")).rejects.toMatchObject({ reason: "closed" });
      await expect(other.depth(at(type, "e"))).rejects.toMatchObject({ reason: "closed" });
      await expect(other.open(100)).rejects.toMatchObject({ reason: "closed" });
      expect(other.health().connected).toBe(false);
    });
  });
}
