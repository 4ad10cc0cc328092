import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "amqplib";
import { createConnection } from "mysql2/promise";
import {
  brokerServer,
  createDatabase,
  createVhost,
  databaseServer,
  management,
  privateBroker,
  privateDatabase,
} from "../support/services";

test("the servers of the test run take connections", async () => {
  const database = await createConnection(databaseServer());
  const [rows] = await database.query("SELECT 1 AS one");
  await database.end();
  expect(rows).toEqual([{ one: 1 }]);

  const broker = await connect(brokerServer());
  await broker.close();
});

test("a test gets a database of its own, and it is gone afterwards", async () => {
  const scratch = await createDatabase("scratch");
  const connection = await createConnection(scratch.uri);
  await connection.query("CREATE TABLE t (a INT)");
  await connection.end();
  await scratch.drop();
  await expect(createConnection(scratch.uri)).rejects.toThrow("Unknown database");
});

test("a test gets a vhost of its own, and it is gone afterwards", async () => {
  const scratch = await createVhost("scratch");
  const connection = await connect(scratch.uri);
  await connection.close();
  await scratch.drop();
  await expect(management("GET", `vhosts/${scratch.name}`)).rejects.toThrow("404");
});

describe("a private server", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "tasker-server-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test("of MariaDB keeps port and data when it was killed and started again", async () => {
    const server = privateDatabase(dir);
    try {
      await server.start();
      const uri = server.uri;
      const before = await createConnection(`${uri}tasker`);
      await before.query("CREATE TABLE kept (a INT) ENGINE=InnoDB");
      await before.query("INSERT INTO kept VALUES (7)");
      before.destroy();
      await server.kill();
      await expect(createConnection(`${uri}tasker`)).rejects.toThrow();

      await server.start();
      expect(server.uri).toBe(uri);
      const after = await createConnection(`${uri}tasker`);
      const [rows] = await after.query("SELECT a FROM kept");
      await after.end();
      expect(rows).toEqual([{ a: 7 }]);
    } finally {
      await server.kill();
    }
  }, 480_000);

  test("of RabbitMQ keeps port and data when it was killed and started again", async () => {
    const server = privateBroker(dir);
    try {
      await server.start();
      const uri = server.uri;
      const before = await connect(`${uri}/tasker`);
      const channel = await before.createConfirmChannel();
      before.on("error", () => {});
      channel.on("error", () => {});
      await channel.assertQueue("kept", { durable: true });
      channel.sendToQueue("kept", Buffer.from("still here"), { persistent: true });
      await channel.waitForConfirms();
      // A confirm speaks for the message; what the broker knows of its queues is on disk with the next dump of its log.
      server.ctl("eval", "mnesia:dump_log().");
      await server.kill();
      await expect(connect(`${uri}/tasker`)).rejects.toThrow();

      await server.start();
      expect(server.uri).toBe(uri);
      const after = await connect(`${uri}/tasker`);
      const message = await (await after.createChannel()).get("kept");
      await after.close();
      expect(message && String(message.content)).toBe("still here");
      expect(server.ctl("list_vhosts")).toContain("tasker");
    } finally {
      await server.kill();
    }
  }, 720_000);
});
