import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import { configFrom } from "../../src/config/loading/load";
import { startProcess, type TaskerProcess } from "../../src/tasker";
import { capturingLog } from "../support/log";
import { createVhost, type PrivateServer, privateDatabase, type Scratch } from "../support/services";
import { until } from "../support/until";

/** Everything here is set for a whole server, so it has one of its own. */
let dir: string;
let server: PrivateServer;
let vhost: Scratch;
let root: Connection;
let api: TaskerProcess;
let manager: TaskerProcess;
const said = { api: capturingLog(), manager: capturingLog() };

/** A user as an installation has it: what an administrator may do in spite of `read_only` is not among its rights. */
async function database(): Promise<string> {
  server = privateDatabase(join(dir, "database"));
  await server.start();
  root = await createConnection(server.uri);
  await root.query("CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'plain'");
  await root.query("GRANT ALL PRIVILEGES ON tasker.* TO plain@'127.0.0.1'");
  const { port } = new URL(server.uri);
  return `mysql://plain:plain@127.0.0.1:${port}/tasker`;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tasker-health-"));
  const uri = await database();
  vhost = await createVhost("health");
  const config = configFrom({
    task_types: { greet: {} },
    database: { uri, deadline: "3s" },
    broker: { uri: vhost.uri, queue_type: "classic" },
    api: { port: 0 },
    manager: { heartbeat: "300ms", ttl: "30s", spool: join(dir, "spool"), port: 0 },
  });
  const functions = { greet: async () => ({ text: "hello" }) };
  api = await startProcess({ config, log: said.api.log, api: true, endpoints: [] });
  await api.ready;
  manager = await startProcess({ config, log: said.manager.log, api: false, endpoints: ["lb-1"], functions });
  await manager.ready;
}, 480_000);

afterAll(async () => {
  await Promise.all([manager?.close(), api?.close()]);
  await root?.end();
  await server.stop();
  await vhost.drop();
  rmSync(dir, { recursive: true, force: true });
}, 300_000);

interface Ready {
  status: number;
  database: { ok: boolean; detail?: string };
}

async function ready(url: string): Promise<Ready> {
  const answer = await fetch(`${url}/readyz`);
  const { checks } = (await answer.json()) as { checks: { database: Ready["database"] } };
  return { status: answer.status, database: checks.database };
}
const apiReady = () => ready(api.api!.url);
const managerReady = () => ready(`http://127.0.0.1:${manager.healthPort}`);

let identifier = 0;
function create(): Promise<Response> {
  return fetch(`${api.api!.url}/greet`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ identifier: `task ${identifier++}` }),
  });
}

/** What is created now is performed by the manager. */
async function works(): Promise<void> {
  const answer = await until("a create that is taken", async () => {
    const tried = await create();
    return tried.status === 202 ? tried : null;
  });
  const { id } = (await answer.json()) as { id: string };
  const task = await (await fetch(`${api.api!.url}/greet/${id}?wait=20`)).json();
  expect(task).toMatchObject({ status: "succeeded", responses: [{ result: { text: "hello" } }] });
}

async function isFit(): Promise<void> {
  await until("the API says that it is ready", async () => (await apiReady()).status === 200);
  await until("the manager says that it is ready", async () => (await managerReady()).status === 200);
}

async function endConnections(): Promise<void> {
  const [rows] = await root.query("SELECT id FROM information_schema.processlist WHERE user = 'plain'");
  for (const { id } of rows as Array<{ id: number }>) await root.query(`KILL ${id}`).catch(() => undefined);
}

const blockedWrites = async () => {
  const [rows] = await root.query(
    "SELECT COUNT(*) AS count FROM information_schema.processlist WHERE user = 'plain' AND state LIKE 'Waiting%lock'",
  );
  return Number((rows as Array<{ count: number }>)[0]!.count);
};

const writeless: Array<[string, string, string]> = [
  ["that begins to be a replica (read_only)", "SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"],
  ["whose transactions only read (tx_read_only)", "SET GLOBAL tx_read_only = 1", "SET GLOBAL tx_read_only = 0"],
  ["that is locked for a backup", "FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"],
];

describe("a server that takes no writes for a while is not ready, and is used again as soon as it does", () => {
  test.each(writeless)(
    "one %s",
    async (_what, begin, end) => {
      await isFit();
      await works();
      const before = { api: said.api.warnings().length, manager: said.manager.warnings().length };
      await root.query(begin);
      // What is connected keeps what it began with; and what is connected meanwhile is none the wiser when it is over.
      if (begin.includes("tx_read_only")) await endConnections();
      await until("the API tells of it", async () => (await apiReady()).status === 503);
      await until("the manager tells of it", async () => (await managerReady()).status === 503);
      expect((await apiReady()).database).toEqual({
        ok: false,
        detail: "The database takes no writes now; the process's log says why.",
      });
      const refused = await create();
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
        503,
        "database_unavailable",
      ]);
      await root.query(end);
      await isFit();
      await works();
      const about = (who: "api" | "manager", word: RegExp) =>
        said[who]
          .warnings()
          .slice(before[who])
          .filter((line) => word.test(line));
      await until("the manager is heard again", () => about("manager", /heartbeat/).length === 2);
      expect(about("manager", /heartbeat/)).toEqual([
        expect.stringContaining("cannot write a heartbeat"),
        "heartbeats are written again",
      ]);
      expect(about("api", /takes/)).toEqual([
        "the database takes no writes; /readyz says so until it does",
        "the database takes writes again",
      ]);
    },
    300_000,
  );
});

test("writes that were given up while the server is locked do not pile up there", async () => {
  await isFit();
  await root.query("FLUSH TABLES WITH READ LOCK");
  await Promise.all(Array.from({ length: 4 }, create));
  await until("they wait in the server", async () => (await blockedWrites()) > 0);
  await Promise.all([manager.close(), api.close()]);
  // With nobody left to ask anew, and the lock still held.
  await until("all have given up", async () => (await blockedWrites()) === 0);
  await root.query("UNLOCK TABLES");
}, 300_000);
