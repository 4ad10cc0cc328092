import { rmSync } from "node:fs";
import { type Connection, createConnection, escapeId, escape as quoted } from "mysql2/promise";
import type { Config } from "../config/config";
import { connectStore } from "../connect";
import type { Log } from "../log";
import { socketFor, sslOptions } from "../store/sql/mysql/tls";
import { grantRights } from "./grants";
import { InitializeError, type Part, type Step } from "./step";
import { roleTitle, type Secrets, userName, type Wanted } from "./users";

/**
 * The steps for the database, its user where there is an administrator (`database.admin_uri`), and
 * the tables. With `wanted` separate users for API and managers replace the one with all rights,
 * and the administrator creates the tables.
 */
export function databasePart(
  config: Config,
  reset: boolean,
  log: Log,
  wanted: Wanted | null = null,
  secrets?: Secrets,
): Part {
  if (config.database.uri.startsWith("sqlite:")) return sqlitePart(config, reset, log);
  return mysqlPart(config, reset, log, wanted, secrets);
}

function sqlitePart(config: Config, reset: boolean, log: Log): Part {
  const file = config.database.uri.slice("sqlite:".length);
  const drop: Step = {
    title: `delete the database file ${file}`,
    destroys: true,
    run: async () => {
      // Rejects while a process that serves from the file holds its lock; nothing is deleted then.
      await (await connectStore(config, log, { exclusive: true })).close();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
      return "deleted";
    },
  };
  return { targets: [["database", `${file} (SQLite)`]], steps: [...(reset ? [drop] : []), tables(config, log)] };
}

function mysqlPart(config: Config, reset: boolean, log: Log, wanted: Wanted | null, secrets?: Secrets): Part {
  const uri = new URL(config.database.uri);
  const name = decodeURIComponent(uri.pathname.slice(1));
  const user = decodeURIComponent(uri.username);
  if (name === "")
    throw new InitializeError("config", "database.uri names no database: write mysql://user:password@host/database");
  const place = `${uri.hostname}:${uri.port || 3306}`;
  const admin = config.database.adminUri ?? null;
  const steps: Step[] = [];
  const step = (title: string, run: (server: Connection) => Promise<string>, destroys = false) =>
    steps.push({ title, destroys, run: () => withServer(config, run) });
  if (reset) step(`drop the database ${name} with all its tables`, (server) => drop(server, name), true);
  step(`create the database ${name}`, (server) => create(server, name));
  if (admin && !wanted)
    step(`create the database user ${user} with all rights on ${name}`, (server) => grant(server, uri, name));
  steps.push(tables(wanted && admin ? asAdministrator(config, admin, name) : config, log));
  for (const role of wanted?.roles ?? []) {
    const limited = { uri: uri.href, database: name, user: userName(name, role), role };
    step(`create the database user ${limited.user} with the rights of ${roleTitle(role)}`, (server) =>
      grantRights(server, { ...limited, newPasswords: wanted!.newPasswords }, secrets!),
    );
  }
  const as = admin ? decodeURIComponent(new URL(admin).username) : user;
  return { targets: [["database", `${name} on ${place} (MySQL), as ${as}`]], steps };
}

function asAdministrator(config: Config, admin: string, name: string): Config {
  const uri = new URL(admin);
  uri.pathname = `/${encodeURIComponent(name)}`;
  return { ...config, database: { ...config.database, uri: uri.href } };
}

function tables(config: Config, log: Log): Step {
  return {
    title: "create the tables, or bring them up to date",
    destroys: false,
    run: async () => {
      const store = await connectStore(config, log, { exclusive: true });
      try {
        const applied = await store.migrate();
        return applied.length === 0 ? "were up to date" : `applied ${applied.join(", ")}`;
      } finally {
        await store.close();
      }
    },
  };
}

async function drop(server: Connection, name: string): Promise<string> {
  const counting = "SELECT COUNT(*) AS count FROM information_schema.tables WHERE table_schema = ?";
  const [rows] = await server.query(counting, [name]);
  const { count } = (rows as Array<{ count: number | string }>)[0]!;
  await server.query(`DROP DATABASE IF EXISTS ${escapeId(name)}`);
  return `dropped ${count} tables`;
}

async function create(server: Connection, name: string): Promise<string> {
  const [rows] = await server.query("SELECT 1 FROM information_schema.schemata WHERE schema_name = ?", [name]);
  if ((rows as unknown[]).length > 0) return "was there already";
  await server.query(`CREATE DATABASE ${escapeId(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  return "created";
}

async function grant(server: Connection, { username, password }: URL, name: string): Promise<string> {
  const account = `${quoted(decodeURIComponent(username))}@'%'`;
  const secret = quoted(decodeURIComponent(password));
  await server.query(`CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY ${secret}`);
  await server.query(`ALTER USER ${account} IDENTIFIED BY ${secret}`);
  await server.query(`GRANT ALL PRIVILEGES ON ${escapeId(name.replace(/([_%\\])/g, "\\$1"))}.* TO ${account}`);
  return "has its rights";
}

/** Connects without a database, as the administrator if there is one, else as tasker's own user. */
async function withServer<T>(config: Config, work: (server: Connection) => Promise<T>): Promise<T> {
  const uri = new URL(config.database.adminUri ?? config.database.uri);
  const place = `${uri.hostname}:${uri.port || 3306}`;
  const user = decodeURIComponent(uri.username);
  const host = uri.hostname.replace(/^\[|\]$/g, "");
  const port = Number(uri.port) || 3306;
  let server: Connection | null = null;
  try {
    const ssl = sslOptions(uri, config.database.tls);
    server = await createConnection({
      host,
      port,
      stream: socketFor(host, port, ssl),
      user,
      password: decodeURIComponent(uri.password),
      connectTimeout: 10_000,
      multipleStatements: false,
      ssl,
    });
    return await work(server);
  } catch (error) {
    throw explained(error, place, user);
  } finally {
    server?.destroy();
  }
}

const DENIED = new Set([
  ...["ER_DBACCESS_DENIED_ERROR", "ER_SPECIFIC_ACCESS_DENIED_ERROR", "ER_CANNOT_USER", "ER_TABLEACCESS_DENIED_ERROR"],
  ...["ER_COLUMNACCESS_DENIED_ERROR", "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"],
]);

function explained(error: unknown, place: string, user: string): Error {
  const { code, message } = error as { code?: string; message: string };
  if (code === "ER_ACCESS_DENIED_ERROR") {
    return new InitializeError(
      "not allowed",
      `The database at ${place} does not accept the user ${user} with its password (database.uri, database.admin_uri).`,
    );
  }
  if (code !== undefined && DENIED.has(code)) {
    return new InitializeError(
      "not allowed",
      `The user ${user} may not do that at ${place} (${message}). Name an administrator in database.admin_uri, or let one do it.`,
    );
  }
  if (code && !code.startsWith("ER_"))
    return new InitializeError("unreachable", `The database does not answer at ${place} (${code}): is it running?`);
  return error as Error;
}
