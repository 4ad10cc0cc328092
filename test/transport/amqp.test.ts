import { silentLog } from "../../src/log";
import { createAmqpTransport } from "../../src/transport/amqp/transport";
import type { Transport } from "../../src/transport/transport";
import { createVhost } from "../support/services";
import { describeTransport } from "./contract";

for (const queueType of ["classic", "quorum"] as const) {
  describeTransport(
    `RabbitMQ with ${queueType} queues`,
    async () => {
      const vhost = await createVhost("contract");
      const transports: Transport[] = [];
      return {
        connect: async () => {
          const transport = createAmqpTransport({
            uri: vhost.uri,
            queueType,
            heartbeat: 10,
            tls: null,
            log: silentLog,
            name: "contract",
          });
          transports.push(transport);
          await transport.open(10_000);
          return transport;
        },
        dispose: async () => {
          for (const transport of transports) await transport.close(2_000);
          await vhost.drop();
        },
      };
    },
    { largeBody: 4 * 1024 * 1024 },
  );
}
