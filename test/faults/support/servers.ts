import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { type PrivateBroker, type PrivateServer, privateBroker, privateDatabase } from "../../support/services";

/** A private RabbitMQ and MariaDB that scenarios may kill, freeze, wipe and start again; shared by the scenarios of a file. */
export interface Servers {
  broker: PrivateBroker;
  database: PrivateServer;
  dir: string;
  /** Ends it with the servers, should this process end without a word; `mark`: a part of its command line. */
  watch(pid: number, mark: string): void;
  stop(): Promise<void>;
}

interface Guard {
  watch(processes: Array<{ pid: number; mark: string }>): void;
  done(): Promise<void>;
}
const { startGuard } = require("../../../scripts/lib/guard") as { startGuard(): Guard };

/** @param databaseDir where MariaDB keeps its data, if not beside the rest */
export async function servers(databaseDir?: string): Promise<Servers> {
  const dir = await mkdtemp(join(tmpdir(), "tasker-faults-"));
  const broker = privateBroker(join(dir, "broker"));
  const database = privateDatabase(databaseDir ?? join(dir, "database"));
  const guard = startGuard();
  guardEveryStart(broker, guard);
  guardEveryStart(database, guard);
  await Promise.all([broker.start(), database.start()]);
  return {
    broker,
    database,
    dir,
    watch: (pid, mark) => guard.watch([{ pid, mark }]),
    async stop() {
      await Promise.all([broker.kill(), database.kill()]);
      await guard.done();
      // TASKER_TEST_KEEP=1 leaves logs, journals and configs for whoever looks into a failure.
      if (!process.env.TASKER_TEST_KEEP) await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The servers outlive whoever started them, unless somebody looks after that; a restarted one is another process. */
function guardEveryStart(server: PrivateServer, guard: Guard): void {
  const start = server.start.bind(server);
  server.start = async () => {
    await start();
    guard.watch((server as PrivateServer & { processes(): Array<{ pid: number; mark: string }> }).processes());
  };
}

/** Freezes a server as a whole; resolves to what thaws it. */
export function freeze(server: PrivateServer): () => void {
  process.kill(server.pid, "SIGSTOP");
  return () => process.kill(server.pid, "SIGCONT");
}

export async function makeVhost(broker: PrivateBroker, name: string): Promise<void> {
  await manage(broker, "PUT", `vhosts/${name}`, {});
  const everything = { configure: ".*", write: ".*", read: ".*" };
  await manage(broker, "PUT", `permissions/${name}/${new URL(broker.uri).username}`, everything);
}

/** One call of the broker's management API (`path` below /api/); rejects unless it answers 2xx. */
export async function manage(broker: PrivateBroker, method: string, path: string, body?: unknown): Promise<unknown> {
  const { username, password, origin } = new URL(broker.managementUri);
  const answer = await fetch(`${origin}/api/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      "content-type": "application/json",
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`The management API answered ${answer.status} to ${method} ${path}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** The same address with another path: a database's or vhost's name. */
export function withPath(uri: string, path: string): string {
  const url = new URL(uri);
  url.pathname = `/${path}`;
  return url.href;
}

export async function sql<T>(uri: string, query: string): Promise<T[]> {
  const connection = await createConnection(uri);
  try {
    const [rows] = await connection.query(query);
    return rows as T[];
  } finally {
    await connection.end();
  }
}
