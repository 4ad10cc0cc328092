import { randomBytes } from "node:crypto";
import { createConnection } from "mysql2/promise";

/** A server program's private instance as scripts/lib/servers.js makes it. */
export interface PrivateServer {
  /** Without a database; "" before the first start. */
  readonly uri: string;
  readonly pid: number;
  /** First start: fresh data, free ports. Later ones: the same. */
  start(): Promise<void>;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  kill(): Promise<void>;
}

export interface PrivateBroker extends PrivateServer {
  /** `http://user:password@127.0.0.1:port` of the management plugin. */
  readonly managementUri: string;
  readonly epmdPid: number;
  /** rabbitmqctl; returns what it printed, throws when it failed. */
  ctl(...args: string[]): string;
}

/** PEM files with which a private server speaks TLS. */
export interface ServerTls {
  ca: string;
  cert: string;
  key: string;
}

interface ServersLibrary {
  privateBroker(options: { dir: string; tls?: ServerTls }): PrivateBroker;
  privateDatabase(options: { dir: string; tls?: ServerTls }): PrivateServer;
}

const servers = require("../../scripts/lib/servers") as ServersLibrary;

/** Servers of a test's own, for what would disturb others (kills, restarts). Whoever starts one stops it. */
export const privateBroker = (dir: string, tls?: ServerTls): PrivateBroker => servers.privateBroker({ dir, tls });
export const privateDatabase = (dir: string, tls?: ServerTls): PrivateServer => servers.privateDatabase({ dir, tls });

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run npm test, which brings up the servers and names them.`);
  return value;
}

/** A user who may create databases; no database in it. */
export const databaseServer = (): string => variable("TASKER_TEST_DATABASE_URI");
/** A user who may create vhosts; no vhost in it. */
export const brokerServer = (): string => variable("TASKER_TEST_BROKER_URI");
/** RabbitMQ's management API, `http://user:password@host:port`. */
export const managementServer = (): string => variable("TASKER_TEST_MANAGEMENT_URI");

export interface Scratch {
  uri: string;
  name: string;
  /** Idempotent. */
  drop(): Promise<void>;
}

/** An empty database of its own for a test file; `drop` it in afterAll. */
export async function createDatabase(prefix = "test"): Promise<Scratch> {
  const name = `tasker_${prefix}_${randomBytes(5).toString("hex")}`;
  await query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const uri = new URL(databaseServer());
  uri.pathname = `/${name}`;
  return { name, uri: uri.href, drop: () => query(`DROP DATABASE IF EXISTS ${name}`) };
}

async function query(sql: string): Promise<void> {
  const connection = await createConnection(databaseServer());
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

/** An empty vhost of its own for a test file, with all rights for the server's user; `drop` it in afterAll. */
export async function createVhost(prefix = "test"): Promise<Scratch> {
  const name = `tasker-${prefix}-${randomBytes(5).toString("hex")}`;
  const user = new URL(brokerServer()).username;
  await management("PUT", `vhosts/${name}`, {});
  await management("PUT", `permissions/${name}/${user}`, { configure: ".*", write: ".*", read: ".*" });
  const uri = new URL(brokerServer());
  uri.pathname = `/${name}`;
  return {
    name,
    uri: uri.href,
    drop: async () => {
      const names = (await management("GET", "vhosts?columns=name")) as Array<{ name: string }>;
      if (names.some((vhost) => vhost.name === name)) await management("DELETE", `vhosts/${name}`);
    },
  };
}

/** One call of the management API (`path` below /api/); rejects unless it answers 2xx. */
export async function management(method: string, path: string, body?: unknown): Promise<unknown> {
  const server = new URL(managementServer());
  const credentials = `${decodeURIComponent(server.username)}:${decodeURIComponent(server.password)}`;
  const answer = await fetch(`${server.origin}/api/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
      "content-type": "application/json",
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`The management API answered ${answer.status} to ${method} ${path}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}
