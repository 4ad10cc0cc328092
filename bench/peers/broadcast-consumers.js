// Consumers of the plain broker: a durable queue for each endpoint; every message is acked, and told to whoever published it
// when all queues of this process have had it.
const { connect } = require("amqplib");

const { uri, endpoints, exchange, reply } = JSON.parse(process.env.BENCH);

async function main() {
  const connection = await connect(uri, { noDelay: true });
  const seen = new Map();
  const back = await connection.createChannel();
  for (const name of endpoints) {
    const channel = await connection.createChannel();
    await channel.assertQueue(name, { durable: true });
    await channel.bindQueue(name, exchange, "all");
    await channel.prefetch(8);
    await channel.consume(name, (message) => {
      channel.ack(message);
      const id = message.properties.messageId;
      const count = (seen.get(id) ?? 0) + 1;
      if (count < endpoints.length) seen.set(id, count);
      else {
        seen.delete(id);
        back.sendToQueue(reply, Buffer.from(id));
      }
    });
  }
  console.log("ready");
}
main();
