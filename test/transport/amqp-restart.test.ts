import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAmqpTransport } from "../../src/transport/amqp/transport";
import type { Transport } from "../../src/transport/transport";
import { capturingLog } from "../support/log";
import { type PrivateBroker, privateBroker } from "../support/services";
import { until } from "../support/until";
import { at, outgoing, Receiver } from "./contract";

/** What happens to the broker itself: each needs a broker of its own to break. */
/** Stops the process; resolves once none of its threads runs any more, which takes a moment on a busy machine. */
async function freeze(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await until("every thread to stand still", () =>
    readdirSync(`/proc/${pid}/task`).every((thread) =>
      /^\d+ \(.*\) T /s.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8")),
    ),
  );
}

describe("when the broker itself is", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "tasker-restart-"));
  let broker: PrivateBroker;
  const transports: Transport[] = [];
  const logged = capturingLog();

  const opened = async (more: Partial<Parameters<typeof createAmqpTransport>[0]> = {}): Promise<Transport> => {
    const transport = createAmqpTransport({
      uri: broker.uri,
      queueType: "quorum",
      // Long, because rabbitmqctl is waited for with the event loop standing still.
      heartbeat: 30,
      tls: null,
      log: logged.log,
      name: "restart",
      ...more,
    });
    transports.push(transport);
    await transport.open(10_000);
    await transport.declareType({ type: "t", deliver: "each" });
    await transport.declareEndpoint("t", "e");
    return transport;
  };
  const taken = (transport: Transport, body: string) =>
    until(`${body} to be taken`, () =>
      transport.publish(outgoing(at("t", "e"), body, { deadlineMs: 2_000 })).then(
        () => true,
        () => false,
      ),
    );
  const consumers = async (transport: Transport) =>
    (await transport.depth(at("t", "e")).catch(() => null))?.consumers ?? -1;

  beforeAll(async () => {
    broker = privateBroker(dir);
    await broker.start();
  }, 480_000);
  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.close(2_000)));
  });
  afterAll(async () => {
    await broker.kill();
    rmSync(dir, { recursive: true, force: true });
  }, 300_000);

  it("closing all connections, the transport is back each time with one consumer and no channel left behind", async () => {
    const transport = await opened();
    const receiver = new Receiver(true);
    await transport.consume({ address: at("t", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await taken(transport, "before");
    for (let round = 1; round <= 3; round++) {
      const { reconnects } = transport.health();
      broker.ctl("close_all_connections", "test");
      await until("both connections to be back", () => transport.health().reconnects >= reconnects + 2);
      await taken(transport, `round ${round}`);
      await until("its delivery", () => receiver.bodies.includes(`round ${round}`));
      await until("one consumer", async () => (await consumers(transport)) === 1);
    }
    const channels = broker.ctl("list_channels", "pid", "consumer_count").trim().split("\n").filter(Boolean);
    expect(channels.length).toBeLessThanOrEqual(2 + 2 * 8);
    expect(channels.filter((line) => line.endsWith("\t1"))).toHaveLength(1);
  }, 360_000);

  it("in alarm, publishes are refused as blocked while deliveries and acks go on; then all is well again", async () => {
    const transport = await opened({ rpcTimeoutMs: 1_000 });
    const receiver = new Receiver();
    for (const body of ["1", "2"]) await taken(transport, body);
    await transport.consume({ address: at("t", "e"), prefetch: 1, onDelivery: receiver.onDelivery });
    await receiver.count(1);
    broker.ctl("set_disk_free_limit", "100000GB");
    await until("the publisher to be blocked", () =>
      transport.publish(outgoing(at("t", "e"), "alarm", { deadlineMs: 500 })).then(
        () => false,
        (error) => error.reason === "blocked",
      ),
    );
    expect(transport.health()).toMatchObject({ blocked: true, connected: true });
    receiver.deliveries[0]!.ack();
    await receiver.count(2);
    receiver.deliveries[1]!.ack();
    broker.ctl("set_disk_free_limit", "50MB");
    await until("the alarm to be over", () => !transport.health().blocked);
    await taken(transport, "after the alarm");
    expect(transport.health().reconnects).toBe(0);
  }, 360_000);

  it("tired of waiting for an ack, the consumer goes on and the message comes again", async () => {
    // RabbitMQ closes the channel once a tick until it is answered, and rabbitmqctl holds our event loop up for a second or two.
    const tick = "application:set_env(rabbit, channel_tick_interval, 4000).";
    broker.ctl("eval", `application:set_env(rabbit, consumer_timeout, 1000), ${tick}`);
    const transport = await opened();
    const receiver = new Receiver();
    await transport.consume({ address: at("t", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await taken(transport, "slow");
    await until("a second delivery of it", () => receiver.bodies.filter((body) => body === "slow").length >= 2);
    broker.ctl("eval", "application:set_env(rabbit, consumer_timeout, 1800000).");
    // Acks of both: the first is stale and touches nothing.
    await until("everything to be settled", async () => {
      for (const delivery of receiver.deliveries) delivery.ack();
      return (await transport.depth(at("t", "e")))?.ready === 0;
    });
    await until("one consumer", async () => (await consumers(transport)) === 1);
    expect(transport.health().reconnects).toBe(0);
  }, 360_000);

  it("frozen, publishes end in their deadline and close in its; thawed, all is well again", async () => {
    const transport = await opened({ heartbeat: 1, connectTimeoutMs: 1_000 });
    const other = await opened();
    await taken(other, "before");
    await freeze(broker.pid);
    try {
      await expect(other.publish(outgoing(at("t", "e"), "x", { deadlineMs: 500 }))).rejects.toMatchObject({
        reason: "unconfirmed",
      });
      await other.close(500);
      await until("the silence to be noticed", () => !transport.health().connected);
    } finally {
      process.kill(broker.pid, "SIGCONT");
    }
    await taken(transport, "thawed");
  }, 360_000);

  it("stopped and started again, consuming and publishing go on by themselves", async () => {
    const transport = await opened();
    const receiver = new Receiver(true);
    await transport.consume({ address: at("t", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await taken(transport, "before the stop");
    await broker.stop();
    await until("the loss to be noticed", () => !transport.health().connected);
    await expect(transport.publish(outgoing(at("t", "e")))).rejects.toMatchObject({ reason: "disconnected" });
    await broker.start();
    await until("the connections to be back", () => transport.health().connected);
    await taken(transport, "after the start");
    await until("its delivery", () => receiver.bodies.includes("after the start"));
    await until("one consumer", async () => (await consumers(transport)) === 1);
  }, 480_000);

  it("restarted, classic queues have lost their messages, which is known to everybody until it is marked", async () => {
    const transport = await opened({ queueType: "classic", name: "classic" });
    await transport.declareType({ type: "c", deliver: "each" });
    await transport.declareEndpoint("c", "e");
    await transport.markBoot();
    expect(await transport.lostMessages()).toBe(false);
    const other = await opened();
    expect(await other.lostMessages()).toBe(false);
    await transport.publish(outgoing(at("c", "e"), "a wake-up"));
    await transport.publish(outgoing({ to: "dead" }, "parked"));
    expect((await transport.depth(at("c", "e")))!.ready).toBe(1);

    await broker.stop();
    await until("the loss to be noticed", () => !transport.health().connected && !other.health().connected);
    await broker.start();
    await until("the connections to be back", () => transport.health().connected && other.health().connected);
    expect([await transport.lostMessages(), await other.lostMessages()]).toEqual([true, true]);
    expect((await transport.depth(at("c", "e")))!.ready).toBe(0);
    expect((await transport.depth({ to: "dead" }))!.ready).toBe(1);
    const latecomer = await opened();
    expect(await latecomer.lostMessages()).toBe(true);
    await latecomer.markBoot();
    expect([await transport.lostMessages(), await latecomer.lostMessages()]).toEqual([true, false]);
  }, 480_000);

  it("killed in the middle of publishing and its disk wiped, every promise settles and the topology is declared anew", async () => {
    const transport = await opened();
    const receiver = new Receiver(true);
    await transport.consume({ address: at("t", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await taken(transport, "before the kill");
    const all = Array.from({ length: 3_000 }, (_, i) => transport.publish(outgoing(at("t", "e"), `flood ${i}`)));
    const settled = Promise.allSettled(all);
    await broker.kill();
    const reasons = new Set((await settled).map((one) => (one.status === "rejected" ? one.reason.reason : "taken")));
    expect([...reasons].filter((reason) => !["taken", "unconfirmed", "disconnected"].includes(reason))).toEqual([]);
    rmSync(path.join(dir, "data"), { recursive: true, force: true });
    await broker.start();
    await until("the topology", () => transport.hasEndpoint("t", "e"), 60_000);
    await taken(transport, "on a new disk");
    await until("its delivery", () => receiver.bodies.includes("on a new disk"));
    await until("one consumer", async () => (await consumers(transport)) === 1);
  }, 480_000);
});
