import { randomBytes } from "node:crypto";
import { type Connection, createConnection } from "mysql2/promise";
import { grantRights } from "../../../../src/initialize/grants";
import { type Role, Secrets } from "../../../../src/initialize/users";
import { silentLog } from "../../../../src/log";
import { newId } from "../../../../src/model/ids";
import { API_RIGHTS } from "../../../../src/store/sql/mysql/rights";
import { openStore } from "../../../../src/store/sql/open";
import type { Store } from "../../../../src/store/store";
import { createDatabase, type Scratch } from "../../../support/services";
import { storeContract } from "../../contract";
import { claimed, createdTask, endOf } from "../../support";

const unique = randomBytes(4).toString("hex");
const users = { api: `api-${unique}`, manager: `manager-${unique}` };

let scratch: Scratch;
let root: Connection;
const stores: Store[] = [];
const uris: Record<string, string> = {};

function open(uri: string): Promise<Store> {
  return openStore({ uri, poolSize: 5, deadlineMs: 10_000, tls: null, log: silentLog }).then((store) => {
    stores.push(store);
    return store;
  });
}

async function limited(user: string, role: Role): Promise<string> {
  const secrets = new Secrets();
  await grantRights(root, { uri: scratch.uri, database: scratch.name, user, role, newPasswords: false }, secrets);
  return secrets.shown().join("\n").split("TASKER_DATABASE_URI=")[1]!;
}

/** As the API writes and a manager reports: each face of the store over its own user's connections. */
let apart: { store: Store; other: Store };

beforeAll(async () => {
  scratch = await createDatabase("rights");
  root = await createConnection({ uri: scratch.uri, dateStrings: true });
  await (await open(scratch.uri)).migrate();
  uris.api = await limited(users.api, { part: "api" });
  uris.manager = await limited(users.manager, { part: "manager" });
  const [api, manager, second] = [await open(uris.api), await open(uris.manager), await open(uris.manager)];
  apart = { store: { ...api, managers: manager.managers }, other: { ...api, managers: second.managers } };
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  for (const user of Object.values(users)) await root.query(`DROP USER IF EXISTS '${user}'@'%'`);
  await root.end();
  await scratch.drop();
});

describe("the store, its API's user and its managers' user each with the least rights", () => {
  storeContract(() => ({
    ...apart,
    async sql(text, values = []) {
      const [rows] = await root.query(text, values);
      return Array.isArray(rows) ? (rows as Array<Record<string, unknown>>) : [];
    },
  }));

  test("both find the schema ready, and neither could have made it", async () => {
    const [api, manager] = [await open(uris.api!), await open(uris.manager!)];
    await api.schemaReady();
    await manager.schemaReady();
    expect(await api.migrate()).toEqual([]);
    const empty = await createDatabase("rights");
    const stranger = await open(uris.api!.replace(scratch.name, empty.name));
    await expect(stranger.schemaReady()).rejects.toMatchObject({ code: "database_unavailable" });
    await empty.drop();
  });

  test("a schema that lacks a migration is not ready, and says what to do", async () => {
    const empty = await createDatabase("rights");
    const store = await open(empty.uri);
    await expect(store.schemaReady()).rejects.toThrow("npx tasker initialize");
    await store.migrate();
    await store.schemaReady();
    await root.query(`DELETE FROM ${empty.name}.migrations`);
    await expect(store.schemaReady()).rejects.toThrow(/lacks Initial\d+, .*: start the API/);
    await empty.drop();
  });

  test("every table has its line of rights", async () => {
    const [rows] = await root.query("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?", [
      scratch.name,
    ]);
    const tables = (rows as Array<{ name: string }>).map((row) => row.name);
    expect(API_RIGHTS.map(({ table }) => table).sort()).toEqual(tables.sort());
  });
});

describe("what a manager's user is refused", () => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await createConnection(uris.manager!);
  });
  afterAll(() => connection?.end());

  test.each([
    ["a task's deletion", "DELETE FROM tasks"],
    ["a new task", "INSERT INTO tasks (id) VALUES ('x')"],
    ["another status of a task", "UPDATE tasks SET status = 'succeeded'"],
    ["who asked for a task", "SELECT created_by FROM tasks"],
    ["a response's deletion", "DELETE FROM task_responses"],
    ["a new response", "INSERT INTO task_responses (task_id) VALUES ('x')"],
    ["a response for another endpoint", "UPDATE task_responses SET endpoint = 'lb-2'"],
    ["more attempts", "UPDATE task_responses SET attempts = 99"],
    ["to take back a cancel", "UPDATE task_responses SET cancel_at = NULL"],
    ["results of others", "SELECT result FROM task_responses"],
    ["errors of others", "SELECT error FROM task_responses"],
    ["results of former attempts", "SELECT result FROM task_attempts"],
    ["an attempt's deletion", "DELETE FROM task_attempts"],
    ["another outcome of an attempt", "UPDATE task_attempts SET outcome = 'succeeded'"],
    ["a log's deletion", "DELETE FROM response_logs"],
    ["requests of others", "SELECT body FROM task_requests"],
    ["a request's deletion", "DELETE FROM task_requests"],
    ["to ask as somebody else", "INSERT INTO task_requests (id, asked_by) VALUES ('x', 'root@%')"],
    ["to ask as nobody", "INSERT INTO task_requests (id, asked_by) VALUES ('x', NULL)"],
    ["to say so afterwards", "INSERT INTO task_requests (id) VALUES ('x') ON DUPLICATE KEY UPDATE asked_by = 'root@%'"],
    ["to put a request in another's place", "REPLACE INTO task_requests (id) VALUES ('x')"],
    ["to refuse a request", "INSERT INTO task_requests (id, refused_at) VALUES ('x', UTC_TIMESTAMP(3))"],
    ["whose accounts there are", "SELECT * FROM accounts"],
    ["another's account", "UPDATE accounts SET endpoint = 'lb-2'"],
    ["to be no manager's account any more", "DELETE FROM accounts"],
    ["API keys", "SELECT * FROM api_keys"],
    ["a new API key", "INSERT INTO api_keys (id) VALUES ('x')"],
    ["the audit trail", "SELECT * FROM audit"],
    ["the reconciler's lock", "DELETE FROM locks"],
    ["another schema", "ALTER TABLE tasks ADD COLUMN x INT"],
    ["a table's end", "DROP TABLE task_attempts"],
    ["a table of its own", "CREATE TABLE mine (a INT)"],
    ["a trigger", "CREATE TRIGGER t BEFORE INSERT ON endpoints FOR EACH ROW SET NEW.name = 'x'"],
    ["a migration's record", "DELETE FROM migrations"],
    ["other users", "SELECT * FROM mysql.user"],
    ["files of the server", "SELECT LOAD_FILE('/etc/hostname') INTO OUTFILE '/tmp/x'"],
  ])("%s", async (_what, sql) => {
    await expect(connection.query(sql)).rejects.toMatchObject({
      code: expect.stringMatching(/ACCESS_?DENIED|ER_SPECIFIC_ACCESS_DENIED_ERROR/),
    });
  });
});

describe("what the API's user is refused", () => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await createConnection(uris.api!);
  });
  afterAll(() => connection?.end());

  test.each([
    ["to forget what was done", "DELETE FROM audit"],
    ["to rewrite what was done", "UPDATE audit SET actor = 'somebody'"],
    ["another schema", "ALTER TABLE tasks ADD COLUMN x INT"],
    ["a table's end", "DROP TABLE audit"],
    ["to empty a table", "TRUNCATE TABLE tasks"],
    ["to free an account of its bounds", "DELETE FROM accounts"],
    ["to hand on its rights", "GRANT SELECT ON tasks TO CURRENT_USER"],
    ["other users", "SELECT * FROM mysql.user"],
  ])("%s", async (_what, sql) => {
    await expect(connection.query(sql)).rejects.toMatchObject({
      code: expect.stringMatching(/ACCESS_?DENIED|ER_SPECIFIC_ACCESS_DENIED_ERROR/),
    });
  });
});

test("a right that is missing is told as such, and counts as the database being away", async () => {
  const manager = await open(uris.manager!);
  await expect(manager.maintenance.due(1)).rejects.toMatchObject({
    code: "database_unavailable",
    message: expect.stringContaining("does not give this user a right"),
  });
});

test("an attempt whose result was refused a right goes on when the right is back", async () => {
  const task = await createdTask(apart.store);
  const grant = await claimed(apart.store, task.id);
  await root.query(`REVOKE UPDATE (result) ON ${scratch.name}.task_responses FROM '${users.manager}'@'%'`);
  await expect(apart.store.managers.finish([endOf(grant)])).rejects.toMatchObject({ code: "database_unavailable" });
  expect(
    await grantRights(
      root,
      { uri: scratch.uri, database: scratch.name, user: users.manager, role: { part: "manager" }, newPasswords: false },
      new Secrets(),
    ),
  ).toBe("was there already, its password stays");
  expect(await apart.store.managers.finish([endOf(grant)])).toEqual([{ kind: "recorded" }]);
});

test("what a manager asks for carries its account and whose that is, whatever it says itself", async () => {
  const [bound, free] = [newId(), newId()];
  const connection = await createConnection(uris.manager!);
  await connection.query(
    "INSERT INTO task_requests (id, type, identifier, created_by) VALUES (?, 'greet', '1', 'ann')",
    [bound],
  );
  await connection.end();
  await root.query("INSERT INTO task_requests (id, type, identifier, created_by) VALUES (?, 'greet', '2', 'ann')", [
    free,
  ]);
  const requests = await apart.store.maintenance.requests(1000);
  expect(requests.find(({ id }) => id === bound)).toMatchObject({
    account: `${users.manager}@%`,
    manager: { endpoint: null, types: null },
  });
  expect(requests.find(({ id }) => id === free)).toMatchObject({ createdBy: "ann", manager: null });
});
