import { setImmediate } from "node:timers/promises";
import type { Log } from "../../src/log";
import { createAmqpTransport } from "../../src/transport/amqp/transport";
import type { Transport } from "../../src/transport/transport";
import { type BrokerView, lookInto } from "../support/broker";
import { capturingLog } from "../support/log";
import { TcpProxy } from "../support/proxy";
import { createVhost, management, type Scratch } from "../support/services";
import { until } from "../support/until";
import { at, outgoing, queueIs, Receiver } from "./contract";

/** Bytes: a frame's head and end, class and method, a delivery's tag, and whether it stands for those before it. */
const ACK_FRAME = 7 + 4 + 8 + 1 + 1;

/** Faults of network and broker that need no broker of one's own to break. */
describe.each(["classic", "quorum"] as const)("on RabbitMQ with %s queues, the transport", (queueType) => {
  let vhost: Scratch;
  let proxy: TcpProxy;
  let view: BrokerView;
  let logged: ReturnType<typeof capturingLog>;
  const transports: Transport[] = [];
  const processWarnings: Error[] = [];
  const collect = (warning: Error) => processWarnings.push(warning);

  const create = (more: Partial<Parameters<typeof createAmqpTransport>[0]> = {}, log: Log = logged.log): Transport => {
    const transport = createAmqpTransport({
      uri: proxy.through(vhost.uri),
      queueType,
      heartbeat: 2,
      tls: null,
      log,
      name: "faults",
      rpcTimeoutMs: 2_000,
      connectTimeoutMs: 2_000,
      maxDelayMs: 500,
      ...more,
    });
    transports.push(transport);
    return transport;
  };
  const opened = async (more: Partial<Parameters<typeof createAmqpTransport>[0]> = {}): Promise<Transport> => {
    const transport = create(more);
    await transport.open(10_000);
    return transport;
  };
  const soon = { deadlineMs: 1_000 };

  beforeAll(async () => {
    process.on("warning", collect);
    vhost = await createVhost("faults");
    proxy = await TcpProxy.to(vhost.uri);
    view = await lookInto(vhost.uri);
  });
  beforeEach(() => {
    logged = capturingLog();
  });
  afterEach(async () => {
    proxy.set({ mode: "pass" });
    await Promise.all(transports.splice(0).map((transport) => transport.close(3_000)));
    await until("every socket to be closed", () => proxy.open === 0);
  });
  afterAll(async () => {
    await view.close();
    await proxy.close();
    await vhost.drop();
    process.off("warning", collect);
    expect(processWarnings.map(String)).toEqual([]);
  });

  it("publishes again and consumes again after the network reset every connection", async () => {
    const transport = await opened();
    await transport.declareType({ type: "reset", deliver: "each" });
    await transport.declareEndpoint("reset", "e");
    const receiver = new Receiver(true);
    await transport.consume({ address: at("reset", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    for (let round = 0; round < 20; round++) {
      proxy.cut();
      await until("a publish to be taken", () =>
        transport.publish(outgoing(at("reset", "e"), String(round), soon)).then(
          () => true,
          () => false,
        ),
      );
    }
    await until("all rounds", () => new Set(receiver.bodies).size === 20);
    await until("one consumer", async () => (await transport.depth(at("reset", "e")))?.consumers === 1);
  });

  it("rejects at once while disconnected, naming the reason, and takes messages when it is back", async () => {
    const transport = await opened();
    await transport.declareType({ type: "away", deliver: "each" });
    await transport.declareEndpoint("away", "e");
    await transport.publish(outgoing(at("away", "e")));
    proxy.set({ mode: "rst" });
    await until("the loss to be noticed", () => !transport.health().connected);
    await expect(transport.publish(outgoing(at("away", "e")))).rejects.toMatchObject({ reason: "disconnected" });
    expect(transport.hasEndpoint("away", "e")).toBe(false);
    expect(transport.health().lastError).toBeTruthy();
    proxy.set({ mode: "pass" });
    await until("the connection to be back", () => transport.health().connected);
    await transport.publish(outgoing(at("away", "e")));
    expect(transport.hasEndpoint("away", "e")).toBe(true);
  });

  it("rejects what is not confirmed in time, keeps what is in flight bounded, and recovers", async () => {
    const transport = await opened({ heartbeat: 60 });
    await transport.declareType({ type: "confirms", deliver: "each" });
    await transport.declareEndpoint("confirms", "e");
    await transport.publish(outgoing(at("confirms", "e")));
    proxy.set({ mode: "blackhole", direction: "toClient" });
    const results = await Promise.allSettled(
      Array.from({ length: 3_000 }, () => transport.publish(outgoing(at("confirms", "e"), "lost?", soon))),
    );
    const reasons = new Set(
      results.map((result) => (result.status === "rejected" ? result.reason.reason : "resolved")),
    );
    expect([...reasons]).toEqual(["unconfirmed"]);
    expect(transport.health().inFlight).toBe(0);
    // No answer to the new channel either: the connection is given up, and found again when the network heals.
    await until("the connection to be given up", () => !transport.health().connected);
    proxy.set({ mode: "pass" });
    await until("the connection to be back", () => transport.health().connected);
    await transport.publish(outgoing(at("confirms", "e")));
    // In flight are at most 1000 at once; what was sent may have arrived, nothing more.
    expect((await transport.depth(at("confirms", "e")))?.ready).toBeLessThanOrEqual(1_002);
  });

  it("keeps its connection when a slow broker confirms late, and its neighbours are confirmed", async () => {
    const transport = await opened({ heartbeat: 60, rpcTimeoutMs: 10_000 });
    await transport.declareType({ type: "late", deliver: "each" });
    await transport.declareEndpoint("late", "e");
    await transport.publish(outgoing(at("late", "e")));
    proxy.set({ mode: "blackhole", direction: "toClient" });
    const late = transport.publish(outgoing(at("late", "e"), "late", soon));
    const patient = transport.publish(outgoing(at("late", "e"), "patient", { deadlineMs: 20_000 }));
    await expect(late).rejects.toMatchObject({ reason: "unconfirmed" });
    proxy.set({ mode: "pass" });
    await patient;
    await transport.publish(outgoing(at("late", "e"), "next"));
    expect(transport.health()).toMatchObject({ reconnects: 0, connected: true, inFlight: 0 });
  });

  it("gives up a handshake that never answers, closes at once, and connects when the broker thaws", async () => {
    proxy.set({ mode: "blackhole" });
    const stuck = create({ connectTimeoutMs: 500 });
    await expect(stuck.open(1_500)).rejects.toMatchObject({ reason: "disconnected" });
    const waiting = create({ connectTimeoutMs: 500 });
    const opening = waiting.open(20_000);
    await stuck.close(5_000);
    proxy.set({ mode: "pass" });
    await opening;
    expect(waiting.health().connected).toBe(true);
  });

  it.each([1, 8, 20, 200, 500, 540, 600, 1_000])(
    "survives a connection cut %i bytes into the handshake",
    async (bytes) => {
      proxy.set({ mode: "dropAfter", bytes, direction: "toClient" });
      const transport = create();
      const opening = transport.open(10_000);
      await until("a try", () => proxy.accepted > 0);
      proxy.set({ mode: "pass" });
      await opening;
      await transport.declareType({ type: "cut", deliver: "each" });
    },
  );

  it("closes within its deadline when the broker has frozen, and rejects what is in flight", async () => {
    const transport = await opened({ heartbeat: 60 });
    await transport.declareType({ type: "frozen", deliver: "each" });
    await transport.declareEndpoint("frozen", "e");
    const receiver = new Receiver();
    await transport.consume({ address: at("frozen", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await transport.publish(outgoing(at("frozen", "e")));
    proxy.set({ mode: "blackhole" });
    const publishing = transport.publish(outgoing(at("frozen", "e"), "x", { deadlineMs: 60_000 }));
    const expected = expect(publishing).rejects.toMatchObject({ reason: "closed" });
    await transport.close(1_000);
    await expected;
    proxy.set({ mode: "pass" });
    await until("its sockets to be destroyed", () => proxy.open === 0);
  });

  it("notices a peer that went silent, by heartbeat, and delivers again what was unacked", async () => {
    const transport = await opened({ heartbeat: 1 });
    await transport.declareType({ type: "silent", deliver: "each" });
    await transport.declareEndpoint("silent", "e");
    // From elsewhere, so that the silent connection is the one that consumes.
    const other = await opened({ uri: vhost.uri });
    await other.publish(outgoing(at("silent", "e"), "work"));
    const receiver = new Receiver();
    await transport.consume({ address: at("silent", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await receiver.count(1);
    proxy.set({ mode: "blackhole" });
    await until("the silence to be noticed", () => !transport.health().connected);
    receiver.deliveries[0]!.ack();
    proxy.set({ mode: "pass" });
    await receiver.count(2);
    expect(receiver.deliveries[1]).toMatchObject({ body: "work", redelivered: true });
    receiver.deliveries[1]!.ack();
    await until("an empty queue", async () => (await transport.depth(at("silent", "e")))?.ready === 0);
  });

  it("declares and consumes again when its queue was deleted under the consumer", async () => {
    const transport = await opened();
    await transport.declareType({ type: "deleted", deliver: "each" });
    await transport.declareEndpoint("deleted", "e");
    const receiver = new Receiver(true);
    await transport.consume({ address: at("deleted", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    for (let round = 0; round < 3; round++) {
      await view.channel.deleteQueue("tasker.deleted.e");
      await until("the queue with its consumer", async () => {
        return (await transport.depth(at("deleted", "e")))?.consumers === 1;
      });
      await transport.publish(outgoing({ to: "all", type: "deleted" }, String(round)));
      await receiver.count(round + 1);
    }
    expect(logged.warnings().join()).toMatch(/ended the consumer/);
  });

  it("declares again what a publish found missing: queue and exchange", async () => {
    const transport = await opened();
    await transport.declareType({ type: "gone", deliver: "each" });
    await transport.declareEndpoint("gone", "e");
    await view.channel.deleteQueue("tasker.gone.e");
    await expect(transport.publish(outgoing(at("gone", "e")))).rejects.toMatchObject({ reason: "unroutable" });
    await until("the queue", () => transport.hasEndpoint("gone", "e"));
    await transport.publish(outgoing(at("gone", "e")));
    await view.channel.deleteExchange("tasker.gone");
    await expect(transport.publish(outgoing({ to: "all", type: "gone" }))).rejects.toMatchObject({
      reason: "unconfirmed",
    });
    await until("a publish to the exchange", () =>
      transport.publish(outgoing({ to: "all", type: "gone" })).then(
        () => true,
        () => false,
      ),
    );
  });

  it("uses a queue that exists with other arguments, warns once, and leaves other types alone", async () => {
    await view.channel.assertQueue("tasker.other.e", {
      durable: true,
      arguments: { "x-queue-type": "classic", "x-message-ttl": 3_600_000 },
    });
    const transport = await opened();
    await transport.declareType({ type: "other", deliver: "each" });
    await transport.declareEndpoint("other", "e");
    await transport.declareEndpoint("other", "f");
    const receiver = new Receiver(true);
    await transport.consume({ address: at("other", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await transport.publish(outgoing(at("other", "e"), "direct"));
    await transport.publish(outgoing({ to: "all", type: "other" }, "all"));
    await receiver.count(2);
    proxy.cut();
    await until("the connection to be back", () => transport.hasEndpoint("other", "e"));
    await until("a publish", () =>
      transport.publish(outgoing(at("other", "e"), "after")).then(
        () => true,
        () => false,
      ),
    );
    await receiver.count(3);
    const warnings = logged.warnings().filter((sentence) => sentence.includes("tasker.other.e exists with other"));
    expect(warnings).toHaveLength(1);
  });

  it("acks everything it was given when it stops in the middle of a full queue", async () => {
    const transport = await opened({ uri: vhost.uri });
    await transport.declareType({ type: "drain", deliver: "each" });
    await transport.declareEndpoint("drain", "e");
    const total = 500;
    await Promise.all(
      Array.from({ length: total }, (_, i) => transport.publish(outgoing(at("drain", "e"), String(i)))),
    );
    const settled: string[] = [];
    for (let round = 0; settled.length < total; round++) {
      const receiver = new Receiver();
      const consumption = await transport.consume({
        address: at("drain", "e"),
        prefetch: 50,
        onDelivery: receiver.onDelivery,
      });
      await receiver.count(Math.min(1 + (round % 40), total - settled.length));
      // Acked while the cancel is under way and after it: none of these acks may be lost.
      const stopping = consumption.stop();
      const half = receiver.deliveries.splice(0, Math.ceil(receiver.deliveries.length / 2));
      for (const delivery of half) delivery.ack();
      settled.push(...half.map((delivery) => delivery.body));
      await stopping;
      for (const delivery of receiver.deliveries) delivery.ack();
      settled.push(...receiver.bodies);
    }
    expect([...settled].sort()).toEqual(Array.from({ length: total }, (_, i) => String(i)).sort());
    await queueIs(transport, at("drain", "e"), { ready: 0, consumers: 0 });
    expect(logged.warnings()).toEqual([]);
  });

  it("sends the acks of many endpoints in a few packets", async () => {
    const transport = await opened({ heartbeat: 60 });
    await transport.declareType({ type: "packets", deliver: "each" });
    const receiver = new Receiver();
    const endpoints = Array.from({ length: 30 }, (_, i) => `e${i}`);
    for (const endpoint of endpoints) {
      await transport.declareEndpoint("packets", endpoint);
      await transport.consume({ address: at("packets", endpoint), prefetch: 8, onDelivery: receiver.onDelivery });
    }
    await transport.publish(outgoing({ to: "all", type: "packets" }));
    await receiver.count(endpoints.length);
    const before = { ...proxy.sent };
    // The oldest is held until the others have been acked beyond it.
    const [oldest, ...others] = receiver.deliveries;
    for (const delivery of others) {
      delivery.ack();
      // Each in a turn of its own, as handlers end.
      await setImmediate();
    }
    const bytes = others.length * ACK_FRAME;
    await until("all acks but one", () => proxy.sent.bytes - before.bytes >= bytes);
    expect(proxy.sent.bytes - before.bytes).toBe(bytes);
    expect(proxy.sent.pieces - before.pieces).toBeLessThan(endpoints.length / 3);
    oldest!.ack();
    await until("the last ack", () => proxy.sent.bytes - before.bytes === bytes + ACK_FRAME);

    await transport.publish(outgoing({ to: "all", type: "packets" }));
    await receiver.count(2 * endpoints.length);
    const again = proxy.sent.bytes;
    for (const delivery of receiver.deliveries) delivery.ack();
    await until("all acks as one frame", () => proxy.sent.bytes > again);
    for (const endpoint of endpoints) await queueIs(transport, at("packets", endpoint), { ready: 0, consumers: 1 });
  });

  describe("with consumers that share a channel", () => {
    const listening = async (transport: Transport, type: string, endpoints: string[]) => {
      await transport.declareType({ type, deliver: "each" });
      const entries = endpoints.map(async (endpoint) => {
        const receiver = new Receiver();
        await transport.declareEndpoint(type, endpoint);
        const { onDelivery } = receiver;
        const consumption = await transport.consume({ address: at(type, endpoint), prefetch: 5, onDelivery });
        return [endpoint, { receiver, consumption }] as const;
      });
      return Object.fromEntries(await Promise.all(entries));
    };
    const redelivered = (receiver: Receiver) => receiver.deliveries.filter((delivery) => delivery.redelivered);

    it("has one for all of them, each with a prefetch of its own", async () => {
      const transport = await opened({ uri: vhost.uri });
      await transport.declareType({ type: "own", deliver: "each" });
      const receivers = await Promise.all(
        [1, 3, 2].map(async (prefetch, i) => {
          const receiver = new Receiver();
          await transport.declareEndpoint("own", `e${i}`);
          await transport.consume({ address: at("own", `e${i}`), prefetch, onDelivery: receiver.onDelivery });
          return receiver;
        }),
      );
      for (let i = 0; i < 5; i++) await transport.publish(outgoing({ to: "all", type: "own" }));
      for (const [i, prefetch] of [1, 3, 2].entries()) {
        await queueIs(transport, at("own", `e${i}`), { ready: 5 - prefetch, consumers: 1 });
        expect(receivers[i]!.deliveries).toHaveLength(prefetch);
      }
      const path = `vhosts/${encodeURIComponent(vhost.name)}/channels`;
      await until("its channel with three consumers", async () => {
        const rows = (await management("GET", path)) as Array<{ consumer_count: number }>;
        return rows.some((row) => row.consumer_count === 3);
      });
    });

    it("has no more than 100 on one, and opens as few as that takes", async () => {
      const transport = await opened({ uri: vhost.uri });
      await transport.declareType({ type: "many", deliver: "one" });
      const receiver = new Receiver(true);
      const { onDelivery } = receiver;
      const all = Array.from({ length: 110 }, () =>
        transport.consume({ address: { to: "one", type: "many" }, prefetch: 1, onDelivery }),
      );
      await Promise.all(all);
      await until("two channels", async () => {
        const path = `vhosts/${encodeURIComponent(vhost.name)}/channels`;
        const rows = (await management("GET", path)) as Array<{ consumer_count: number }>;
        const counts = rows.map((row) => row.consumer_count).filter((count) => count > 1);
        return counts.sort((a, b) => a - b).join() === "10,100";
      });
    });

    it("leaves the others alone when one is cancelled by the broker, paused, resumed or stopped", async () => {
      const transport = await opened();
      const { gone, paused, stopped, other } = await listening(transport, "alone", [
        "gone",
        "paused",
        "stopped",
        "other",
      ]);
      await transport.publish(outgoing({ to: "all", type: "alone" }, "first"));
      for (const one of [gone!, paused!, stopped!, other!]) await one.receiver.count(1);
      await view.channel.deleteQueue("tasker.alone.gone");
      await paused!.consumption.pause();
      await stopped!.consumption.stop();
      await queueIs(transport, at("alone", "gone"), { ready: 0, consumers: 1 });
      await transport.publish(outgoing({ to: "all", type: "alone" }, "second"));
      for (const one of [gone!, other!]) await one.receiver.count(2);
      expect([paused!, stopped!].map((one) => one.receiver.bodies)).toEqual([["first"], ["first"]]);
      // Of the deleted queue, too: the channel is the same, and takes the ack.
      for (const one of [gone!, paused!, stopped!, other!]) one.receiver.deliveries[0]!.ack();
      await paused!.consumption.resume();
      await paused!.receiver.count(2);
      for (const one of [gone!, paused!, other!]) one.receiver.deliveries[1]!.ack();
      await queueIs(transport, at("alone", "stopped"), { ready: 1, consumers: 0 });
      for (const endpoint of ["gone", "paused", "other"])
        await queueIs(transport, at("alone", endpoint), { ready: 0, consumers: 1 });
      for (const one of [gone!, paused!, stopped!, other!]) expect(redelivered(one.receiver)).toEqual([]);
      expect(logged.warnings().filter((sentence) => sentence.includes("interrupted"))).toEqual([]);
    });

    it("acks beyond a delivery that is held, and gives single ones back", async () => {
      const transport = await opened();
      const { slow, quick } = await listening(transport, "held", ["slow", "quick"]);
      await transport.publish(outgoing(at("held", "slow"), "held"));
      await slow!.receiver.count(1);
      for (let i = 0; i < 20; i++) {
        await transport.publish(outgoing(at("held", "quick"), String(i)));
        await quick!.receiver.count(i + 1);
        quick!.receiver.deliveries[i]!.ack();
      }
      await transport.publish(outgoing(at("held", "quick"), "released"));
      await quick!.receiver.count(21);
      quick!.receiver.deliveries[20]!.release();
      await quick!.receiver.count(22);
      quick!.receiver.deliveries[21]!.ack();
      expect(redelivered(quick!.receiver).map((delivery) => delivery.body)).toEqual(["released"]);
      await transport.close(3_000);
      const after = await opened();
      await queueIs(after, at("held", "quick"), { ready: 0, consumers: 0 });
      await queueIs(after, at("held", "slow"), { ready: 1, consumers: 0 });
    });

    it("stops one without waiting for what the others hold, and then the rest", async () => {
      const transport = await opened();
      const { a, b } = await listening(transport, "stops", ["a", "b"]);
      await transport.publish(outgoing({ to: "all", type: "stops" }));
      for (const one of [a!, b!]) await one.receiver.count(1);
      a!.receiver.deliveries[0]!.ack();
      await a!.consumption.stop();
      await queueIs(transport, at("stops", "a"), { ready: 0, consumers: 0 });
      await b!.consumption.stop();
      b!.receiver.deliveries[0]!.ack();
      await transport.close(3_000);
      const after = await opened();
      for (const endpoint of ["a", "b"]) await queueIs(after, at("stops", endpoint), { ready: 0, consumers: 0 });
    });

    it("has them all back on another when the broker closes it, and what was unacked comes again", async () => {
      const transport = await opened({ uri: vhost.uri });
      const all = await listening(transport, "back", ["a", "b", "c"]);
      await transport.publish(outgoing({ to: "all", type: "back" }));
      for (const { receiver } of Object.values(all)) await receiver.count(1);
      // No such queue, and nobody declares it: refused on the channel of all.
      const never = new Receiver(true);
      await transport.consume({ address: at("back", "never"), prefetch: 5, onDelivery: never.onDelivery });
      for (const [endpoint, { receiver }] of Object.entries(all)) {
        await receiver.count(2);
        expect(receiver.deliveries[1]).toMatchObject({ redelivered: true });
        // The first belongs to the former channel: it touches nothing.
        for (const delivery of receiver.deliveries) delivery.ack();
        await queueIs(transport, at("back", endpoint), { ready: 0, consumers: 1 });
      }
      const interrupted = logged.warnings().filter((sentence) => sentence.includes("interrupted"));
      expect(interrupted).toEqual([expect.stringContaining("(and from 3 more)")]);
    });

    it("interrupts them once, however many queues are missing or refused and however often they are tried", async () => {
      const transport = await opened({ heartbeat: 60 });
      const { good } = await listening(transport, "bad", ["good"]);
      await view.channel.assertQueue("tasker.bad.taken", { durable: true });
      const { consumerTag } = await view.channel.consume("tasker.bad.taken", () => {}, { exclusive: true });
      const refused = new Receiver(true);
      const { bytes } = proxy.sent;
      for (const endpoint of ["taken", "missing-1", "missing-2", "missing-3"])
        await transport.consume({ address: at("bad", endpoint), prefetch: 5, onDelivery: refused.onDelivery });
      await transport.publish(outgoing(at("bad", "good"), "held"));
      await good!.receiver.count(1);
      await until("a dozen of tries, of 150 bytes or so", () => proxy.sent.bytes - bytes > 2_000);
      await view.channel.cancel(consumerTag);
      await view.channel.assertQueue("tasker.bad.missing-1", { durable: true });
      for (const endpoint of ["taken", "missing-1"]) {
        await transport.publish(outgoing(at("bad", endpoint), endpoint));
        await until("its delivery", () => refused.bodies.includes(endpoint));
      }
      expect(redelivered(good!.receiver)).toEqual([]);
      good!.receiver.deliveries[0]!.ack();
      await queueIs(transport, at("bad", "good"), { ready: 0, consumers: 1 });
      expect(logged.warnings().filter((sentence) => sentence.includes("interrupted"))).toHaveLength(1);
    });
  });

  it("hands its acks to the broker before it closes", async () => {
    const first = await opened();
    await first.declareType({ type: "acks", deliver: "each" });
    await first.declareEndpoint("acks", "e");
    for (let i = 0; i < 200; i++) await first.publish(outgoing(at("acks", "e"), String(i)));
    const receiver = new Receiver();
    await first.consume({ address: at("acks", "e"), prefetch: 300, onDelivery: receiver.onDelivery });
    await receiver.count(200);
    for (const delivery of receiver.deliveries) delivery.ack();
    await first.close(3_000);
    const second = await opened();
    await queueIs(second, at("acks", "e"), { ready: 0, consumers: 0 });
  });

  it("parks what no program of ours can have written: bad encoding, empty body, strange headers", async () => {
    const transport = await opened();
    await transport.declareType({ type: "foreign", deliver: "each" });
    await transport.declareEndpoint("foreign", "e");
    const receiver = new Receiver();
    await transport.consume({ address: at("foreign", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    const bad = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    view.channel.sendToQueue("tasker.foreign.e", bad, { contentEncoding: "utf-16" });
    await until("the bad encoding to be parked", () => transport.health().parked === 1);
    view.channel.sendToQueue("tasker.foreign.e", Buffer.alloc(0), {
      headers: { nested: { deep: [1, "two", null, true] }, bytes: Buffer.from([1, 2]), big: 2 ** 40, no: null },
      timestamp: 1,
    });
    await receiver.count(1);
    expect(receiver.deliveries[0]).toMatchObject({ body: "", messageId: null });
    receiver.deliveries[0]!.park("empty");
    await until("the empty one to be parked", () => transport.health().parked === 2);
    const first = await view.channel.get("tasker.dead", { noAck: true });
    const second = await view.channel.get("tasker.dead", { noAck: true });
    if (!first || !second) throw new Error("two messages should be parked");
    expect(first.content.equals(bad)).toBe(true);
    expect(first.properties.headers).toMatchObject({ "x-tasker-reason": expect.stringContaining("UTF-8") });
    expect(second.properties.headers).toMatchObject({
      "x-tasker-reason": "empty",
      nested: { deep: [1, "two", null, true] },
    });
  });

  it("refuses headers and bodies the wire cannot carry, without harm to their neighbours", async () => {
    const transport = await opened();
    await transport.declareType({ type: "huge", deliver: "each" });
    await transport.declareEndpoint("huge", "e");
    const headers = outgoing(at("huge", "e"), "1", { headers: { large: "x".repeat(1024 * 1024) } });
    const body = outgoing(at("huge", "e"), "y".repeat(17 * 1024 * 1024));
    const [before, tooMuch, tooLong, after] = await Promise.allSettled([
      transport.publish(outgoing(at("huge", "e"), "before")),
      transport.publish(headers),
      transport.publish(body),
      transport.publish(outgoing(at("huge", "e"), "after")),
    ]);
    expect(before.status).toBe("fulfilled");
    expect(after.status).toBe("fulfilled");
    expect(tooMuch).toMatchObject({ status: "rejected", reason: { reason: "refused" } });
    expect(tooLong).toMatchObject({ status: "rejected", reason: { reason: "refused" } });
  });

  it("opens a second connection only when it does both: publish and consume", async () => {
    const consumer = await opened();
    await consumer.declareType({ type: "both", deliver: "each" });
    await consumer.declareEndpoint("both", "e");
    const receiver = new Receiver(true);
    await consumer.consume({ address: at("both", "e"), prefetch: 1, onDelivery: receiver.onDelivery });
    expect(proxy.open).toBe(1);
    const publisher = await opened();
    await publisher.publish(outgoing(at("both", "e")));
    expect(proxy.open).toBe(2);
    await consumer.publish(outgoing(at("both", "e")));
    expect(proxy.open).toBe(3);
    await receiver.count(2);
  });

  it("says why it cannot connect, without the password", async () => {
    const wrongPassword = new URL(vhost.uri);
    wrongPassword.password = "not-the-secret";
    const wrongVhost = new URL(vhost.uri);
    wrongVhost.pathname = "/no-such-vhost";
    const nothingThere = new URL(vhost.uri);
    nothingThere.port = "1";
    const failure = (uri: string) =>
      create({ uri })
        .open(1_500)
        .then(
          () => "it connected",
          (error: Error) => error.message,
        );
    const [password, name, refused] = await Promise.all(
      [wrongPassword, wrongVhost, nothingThere].map((uri) => failure(uri.href)),
    );
    expect(password).toMatch(/refused the user name or the password/);
    expect(name).toMatch(/vhost/);
    expect(refused).toMatch(/nothing listens/);
    const everything = [password, name, refused, ...logged.lines.map((line) => JSON.stringify(line))].join("\n");
    expect(everything).not.toContain("not-the-secret");
    expect(everything).not.toContain(new URL(vhost.uri).password === "guest" ? ":guest@" : new URL(vhost.uri).password);
  });
});
