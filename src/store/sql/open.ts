import type { Store } from "../store";
import { accessStore } from "./access";
import type { Database } from "./connection";
import { maintenanceStore } from "./maintenance";
import { managerStore, recorderStore } from "./managers";
import type * as Mysql from "./mysql/database";
import type { StoreOptions } from "./options";
import { schemaReady } from "./schema-ready";
import type * as Sqlite from "./sqlite/open";
import { taskStore } from "./tasks";

export type { StoreOptions, StoreTls } from "./options";

/**
 * Opens the store of a URI. Rejects if the URI is wrong, or if another process serves from the same
 * SQLite file. A MySQL server may be away: calls reject with StoreUnavailable until it is back.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const db = await openDatabase(options);
  return {
    kind: db.dialect.kind,
    tasks: taskStore(db),
    managers: managerStore(db),
    recorder: recorderStore(db),
    maintenance: maintenanceStore(db),
    access: accessStore(db),
    migrate: () => db.migrate(),
    schemaReady: () => schemaReady(db),
    checkWrites: ({ attempt, deadlineMs }) => db.checkWrites(attempt ? smallWrite(db) : null, deadlineMs),
    ping: (deadlineMs) => db.read(async (connection) => void (await connection.query("SELECT 1 AS one")), deadlineMs),
    close: () => db.close(),
  };
}

/** Writes a row that no process takes for a lock. */
function smallWrite({ dialect }: Database): string {
  return `REPLACE INTO locks (name, holder, expires_at) VALUES ('written', '', ${dialect.now})`;
}

/** Loads one driver only: the other would add a quarter to an idle manager's memory. */
async function openDatabase(options: StoreOptions): Promise<Database> {
  const scheme = options.uri.slice(0, options.uri.indexOf(":"));
  if (scheme === "sqlite") {
    const { openSqlite } = require("./sqlite/open") as typeof Sqlite;
    return openSqlite(options.uri.slice("sqlite:".length), options.exclusive ?? true);
  }
  if (scheme === "mysql" || scheme === "mariadb") {
    const { MysqlDatabase } = require("./mysql/database") as typeof Mysql;
    return new MysqlDatabase(options);
  }
  throw new Error(`The database's URI begins with \`${scheme}:\`: use sqlite:, mysql: or mariadb:.`);
}
