import { type Connection, escapeId, escape as quoted } from "mysql2/promise";
import { API_RIGHTS, MANAGER_RIGHTS } from "../store/sql/mysql/rights";
import { newPassword, type Role, type Secrets, withUser } from "./users";

/**
 * Creates or updates a database user with exactly the rights of its role; former rights are revoked
 * first. The tables must exist. SQL has no rights on single rows, so the manager of one endpoint
 * has the rights of any manager.
 */
export async function grantRights(
  server: Connection,
  user: { uri: string; database: string; user: string; role: Role; newPasswords: boolean },
  secrets: Secrets,
): Promise<string> {
  const account = `${quoted(user.user)}@'%'`;
  const password = newPassword();
  const existed = !(await created(server, account, password));
  const gets = !existed || user.newPasswords;
  if (existed && gets) await server.query(`ALTER USER ${account} IDENTIFIED BY ${quoted(password)}`);
  if (gets) secrets.add(user.role, "TASKER_DATABASE_URI", withUser(user.uri, user.user, password));
  await server.query(`REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${account}`);
  for (const { table, rights } of user.role.part === "api" ? API_RIGHTS : MANAGER_RIGHTS) {
    await server.query(`GRANT ${rights.join(", ")} ON ${escapeId(user.database)}.${escapeId(table)} TO ${account}`);
  }
  await rememberAccount(server, user);
  return existed ? (gets ? "has a new password" : "was there already, its password stays") : "created";
}

/** Records the endpoint and types of the account, which limit its requests in the inbox. */
async function rememberAccount(
  server: Connection,
  { database, user, role }: { database: string; user: string; role: Role },
): Promise<void> {
  const table = `${escapeId(database)}.accounts`;
  const account = `${user}@%`;
  if (role.part === "api") {
    await server.query(`DELETE FROM ${table} WHERE account = ?`, [account]);
    return;
  }
  const types = role.types === undefined ? null : JSON.stringify(role.types);
  const endpoint = "endpoint" in role ? role.endpoint : null;
  await server.query(`REPLACE INTO ${table} (account, endpoint, types) VALUES (?, ?, ?)`, [account, endpoint, types]);
}

/** False: it exists. An administrator may be unable to list users, so it is tried. */
async function created(server: Connection, account: string, password: string): Promise<boolean> {
  try {
    await server.query(`CREATE USER ${account} IDENTIFIED BY ${quoted(password)}`);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ER_CANNOT_USER") return false;
    throw error;
  }
}
