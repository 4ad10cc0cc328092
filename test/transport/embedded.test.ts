import { silentLog } from "../../src/log";
import { createEmbeddedTransport } from "../../src/transport/embedded";
import { EmbeddedBroker } from "../../src/transport/embedded-broker";
import type { Transport } from "../../src/transport/transport";
import { at, describeTransport, outgoing, Receiver } from "./contract";

describeTransport(
  "the embedded transport",
  async () => {
    const broker = new EmbeddedBroker();
    const transports: Transport[] = [];
    return {
      connect: async () => {
        const transport = createEmbeddedTransport({ log: silentLog, broker });
        transports.push(transport);
        await transport.open(1_000);
        return transport;
      },
      dispose: async () => {
        for (const transport of transports) await transport.close(1_000);
      },
    };
  },
  { largeBody: 2 * 1024 * 1024 },
);

describe("the embedded transport", () => {
  it("takes nothing before it is opened", async () => {
    const transport = createEmbeddedTransport({ log: silentLog });
    await expect(transport.publish(outgoing(at("t", "e")))).rejects.toMatchObject({ reason: "disconnected" });
    expect(transport.health().connected).toBe(false);
  });

  it("lets the event loop breathe while thousands of messages are delivered", async () => {
    const transport = createEmbeddedTransport({ log: silentLog });
    await transport.open(1_000);
    await transport.declareEndpoint("t", "e");
    for (let i = 0; i < 2_000; i++) await transport.publish(outgoing(at("t", "e"), String(i)));
    const receiver = new Receiver(true);
    await transport.consume({ address: at("t", "e"), prefetch: 300, onDelivery: receiver.onDelivery });
    const seenAtFirstTimer = await new Promise<number>((resolve) =>
      setTimeout(() => resolve(receiver.deliveries.length), 0),
    );
    expect(seenAtFirstTimer).toBeLessThan(2_000);
    await receiver.count(2_000);
    expect(receiver.bodies).toEqual(Array.from({ length: 2_000 }, (_, i) => String(i)));
    await transport.close(1_000);
  });

  it("refuses more than its memory may hold, and takes messages again once it has drained", async () => {
    const transport = createEmbeddedTransport({ log: silentLog });
    await transport.open(1_000);
    await transport.declareEndpoint("t", "e");
    const body = "x".repeat(32 * 1024 * 1024);
    const fill = async () => {
      for (let i = 0; i < 20; i++) await transport.publish(outgoing(at("t", "e"), body));
    };
    await expect(fill()).rejects.toMatchObject({ reason: "blocked" });
    expect(transport.health().blocked).toBe(true);
    const receiver = new Receiver(true);
    await transport.consume({ address: at("t", "e"), prefetch: 10, onDelivery: receiver.onDelivery });
    await receiver.count(9);
    await transport.publish(outgoing(at("t", "e"), "small"));
    expect(transport.health().blocked).toBe(false);
    await transport.close(1_000);
  });
});
