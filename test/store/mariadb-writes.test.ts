import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import { StoreUnavailable } from "../../src/errors";
import { silentLog } from "../../src/log";
import { openStore } from "../../src/store/sql/open";
import type { Store } from "../../src/store/store";
import { type PrivateServer, privateDatabase } from "../support/services";
import { createdTask, newTask } from "./support";

/** Everything here is set for a whole server, so it has one of its own. */
let dir: string;
let server: PrivateServer;
let root: Connection;
let store: Store;

const uriOf = (user: string) => `mysql://${user}:${user}@127.0.0.1:${new URL(server.uri).port}/tasker`;
const open = (user = "plain") =>
  openStore({ uri: uriOf(user), poolSize: 4, deadlineMs: 3000, tls: null, log: silentLog });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tasker-writes-"));
  server = privateDatabase(join(dir, "database"));
  await server.start();
  root = await createConnection(server.uri);
  for (const user of ["plain", "bare"]) await root.query(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY '${user}'`);
  await root.query("GRANT ALL PRIVILEGES ON tasker.* TO plain@'127.0.0.1'");
  store = await open();
  await store.migrate();
}, 300_000);

afterAll(async () => {
  await store?.close();
  await root?.end();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}, 300_000);

async function connections(user: string): Promise<number[]> {
  const [rows] = await root.query("SELECT id FROM information_schema.processlist WHERE user = ?", [user]);
  return (rows as Array<{ id: number }>).map(({ id }) => id);
}

/** As many connections as the store has at most, all open and idle, to read and to write with. */
async function warm(of: Store): Promise<void> {
  await Promise.all(Array.from({ length: 20 }, () => of.tasks.list({ limit: 1 })));
}

const writable = (of: Store) => of.checkWrites({ attempt: true, deadlineMs: 2000 });

describe("a server that may only be read for a while", () => {
  afterEach(() => root.query("SET GLOBAL read_only = 0, GLOBAL tx_read_only = 0"));

  it("is asked over other connections: what began read-only is used for no second write", async () => {
    await root.query("SET GLOBAL tx_read_only = 1");
    const early = await open();
    await warm(early);
    await root.query("SET GLOBAL tx_read_only = 0");
    const before = await connections("plain");
    // Each of the connections would refuse it, and nobody notices: the first one that does ends them all.
    await Promise.all(Array.from({ length: 12 }, () => createdTask(early)));
    await Promise.all(Array.from({ length: 12 }, () => early.maintenance.lock("any", "me", 1000, null)));
    await writable(early);
    const after = await connections("plain");
    await early.close();
    expect(before.length).toBeGreaterThan(3);
    expect(before.filter((id) => after.includes(id)).length).toBeLessThan(before.length);
    await createdTask(store);
  });

  it("refuses within a moment, not after the whole deadline, and says why", async () => {
    await warm(store);
    await root.query("SET GLOBAL read_only = 1");
    const patient = await openStore({
      uri: uriOf("plain"),
      poolSize: 4,
      deadlineMs: 120_000,
      tls: null,
      log: silentLog,
    });
    await expect(patient.tasks.create([newTask()])).rejects.toThrow(/read-only/);
    await patient.close();
    await expect(store.tasks.create([newTask()])).rejects.toThrow(StoreUnavailable);
    // What only reads goes on.
    await warm(store);
    await root.query("SET GLOBAL read_only = 0");
    await createdTask(store);
  });
});

it("a right that comes later is found without a restart", async () => {
  await root.query("GRANT SELECT ON tasker.migrations TO bare@'127.0.0.1'");
  const early = await open("bare");
  await early.schemaReady();
  await expect(early.maintenance.lock("any", "me", 1000, null)).rejects.toThrow("does not give this user a right");
  await root.query("GRANT ALL PRIVILEGES ON tasker.* TO bare@'127.0.0.1'");
  // The server reads the rights on a whole database when somebody connects.
  await early.maintenance.lock("any", "me", 1000, null);
  await createdTask(early);
  await early.close();
});

describe("what is said of writes", () => {
  it("is what the last ones have met, though reads and other writes go well", async () => {
    const few = await open();
    // A connection for all but creates, which have their own.
    await few.maintenance.lock("any", "me", 60_000, null);
    const [[{ most }]] = (await root.query("SELECT @@max_connections AS most")) as unknown as [[{ most: number }]];
    await root.query("SET GLOBAL max_connections = 10");
    const others: Connection[] = [];
    try {
      for (;;) others.push(await createConnection(uriOf("bare")));
    } catch (error) {
      expect(error).toMatchObject({ errno: 1040 });
    }
    await few.maintenance.lock("any", "me", 60_000, null);
    await expect(writable(few)).rejects.toThrow("Too many connections");
    await expect(few.tasks.create([newTask()])).rejects.toThrow("Too many connections");
    await few.maintenance.lock("any", "me", 60_000, null);
    await few.ping();
    await expect(writable(few)).rejects.toThrow("Too many connections");
    await Promise.all(others.map((one) => one.end()));
    await root.query("SET GLOBAL max_connections = ?", [most]);
    await createdTask(few);
    await writable(few);
    await few.close();
  });

  it("costs no write where real ones are made, and one where none is", async () => {
    const busy = await open();
    const marks = async () =>
      (await root.query("SELECT expires_at FROM tasker.locks WHERE name = 'written'"))[0] as Array<{
        expires_at: string;
      }>;
    await root.query("DELETE FROM tasker.locks WHERE name = 'written'");
    await Promise.all([createdTask(busy), busy.maintenance.lock("any", "me", 1000, null)]);
    await writable(busy);
    expect(await marks()).toEqual([]);
    const idle = await open();
    await Promise.all(Array.from({ length: 10 }, () => writable(idle)));
    expect(await marks()).toHaveLength(1);
    await Promise.all([busy.close(), idle.close()]);
  });

  it("is for a manager what its own writes have met, and none is made for it", async () => {
    const manager = await open();
    const check = () => manager.checkWrites({ attempt: false, deadlineMs: 2000 });
    await root.query("DELETE FROM tasker.locks WHERE name = 'written'");
    await check();
    await root.query("SET GLOBAL read_only = 1");
    await expect(manager.managers.heartbeat("none", { running: 0, draining: false })).rejects.toThrow(/read-only/);
    await manager.ping();
    await expect(check()).rejects.toThrow(/read-only/);
    await root.query("SET GLOBAL read_only = 0");
    // Nobody has written since.
    await expect(check()).rejects.toThrow(/read-only/);
    await manager.managers.heartbeat("none", { running: 0, draining: false });
    await check();
    const [rows] = await root.query("SELECT name FROM tasker.locks WHERE name = 'written'");
    expect(rows).toEqual([]);
    await manager.close();
  });
});
