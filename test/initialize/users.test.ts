import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type Connection, createConnection } from "mysql2/promise";
import { configFrom } from "../../src/config/loading/load";
import type { InitializeOptions } from "../../src/initialize/confirm";
import { initialize } from "../../src/initialize/initialize";
import { userName } from "../../src/initialize/users";
import { silentLog } from "../../src/log";
import type { HandleTask } from "../../src/model/handler";
import { newId } from "../../src/model/ids";
import { startProcess, type TaskerProcess } from "../../src/tasker";
import { lookInto } from "../support/broker";
import { createDatabase, createVhost, management, managementServer, type Scratch } from "../support/services";
import { until } from "../support/until";

let cwd: string;
let before: string;
let database: Scratch;
let vhost: Scratch;
const running: TaskerProcess[] = [];

beforeAll(async () => {
  before = process.cwd();
  cwd = mkdtempSync(join(tmpdir(), "tasker-users-"));
  mkdirSync(join(cwd, "config"));
  process.chdir(cwd);
  database = await createDatabase("users");
  vhost = await createVhost("users");
  await Promise.all([database.drop(), vhost.drop()]);
  const admin = new URL(managementServer());
  writeFileSync(
    join(cwd, "config", "test.config.yaml"),
    `
task_types: { greet: {}, any: { deliver: one }, secret: {} }
database: { uri: "${database.uri}", admin_uri: "${database.uri}" }
broker: { uri: "${vhost.uri}" }
rabbitmq: { management_uri: "${admin.origin}", user: "${admin.username}", password: "${admin.password}" }
`,
    { mode: 0o600 },
  );
}, 300_000);

afterAll(async () => {
  await Promise.all(running.map((one) => one.close()));
  const root = await createConnection(database.uri);
  for (const role of ROLES) {
    await root.query(`DROP USER IF EXISTS '${userName(database.name, role)}'@'%'`);
    await management("DELETE", `users/${userName(vhost.name, role)}`).catch(() => null);
  }
  await root.end();
  await Promise.all([database.drop(), vhost.drop()]);
  process.chdir(before);
  rmSync(cwd, { recursive: true, force: true });
}, 300_000);

const ROLES = [
  { part: "api" },
  { part: "manager" },
  { part: "manager", endpoint: "lb-1" },
  { part: "manager", endpoint: "lb-2" },
  { part: "manager", endpoint: "lb-3" },
  { part: "manager", endpoint: "lb-4" },
] as const;

async function run(options: InitializeOptions): Promise<{ code: number; out: string; err: string }> {
  const [output, error] = [new PassThrough(), new PassThrough()];
  const code = await initialize({ mode: "test", yes: true, ...options }, { input: new PassThrough(), output, error });
  return { code, out: String(output.read() ?? ""), err: String(error.read() ?? "") };
}

interface Pair {
  database: string;
  broker: string;
}

/** What is printed under `of …:`. */
function pairOf(out: string, title: string): Pair {
  const block = out.split(`of ${title}:\n`)[1] ?? "";
  const value = (variable: string) => new RegExp(`${variable}=(\\S+)`).exec(block)?.[1] ?? "";
  return { database: value("TASKER_DATABASE_URI"), broker: value("TASKER_BROKER_URI") };
}

async function start(pair: Pair, endpoint?: string, more: object = {}): Promise<TaskerProcess> {
  const config = configFrom({
    task_types: {
      greet: { attempts: 2, backoff: { first: "1ms" }, submits: ["any"] },
      any: { deliver: "one" },
      secret: { submits: ["greet"] },
    },
    database: { uri: pair.database },
    broker: { uri: pair.broker },
    api: { port: 0 },
    manager: { heartbeat: "500ms", ttl: "5s", spool: join(cwd, "spool") },
    ...more,
  });
  const greet: HandleTask = async (_payload, context) => {
    context.log("hello");
    context.progress(0.5, "half");
    if (context.attempt === 1) throw new Error("the second attempt will do");
    await context.submit("any", { identifier: `of ${context.endpoint}` });
    return { from: context.endpoint };
  };
  const any: HandleTask = async () => ({ done: true });
  const endpoints = endpoint === undefined ? [] : [endpoint];
  const api = endpoint === undefined;
  const one = await startProcess({ config, log: silentLog, api, endpoints, functions: { greet, any } });
  running.push(one);
  await one.ready;
  return one;
}

test("a whole task passes between an API and managers that have only their own rights", async () => {
  const first = await run({ separateUsers: true });
  expect(first).toMatchObject({ code: 0, err: "" });
  const second = await run({ endpoint: "lb-1", types: "greet,any" });
  expect(second).toMatchObject({ code: 0, err: "" });
  const api = await start(pairOf(first.out, "the API"));
  await start(pairOf(first.out, "managers of any endpoint"), "lb-2");
  await start(pairOf(second.out, "the manager of lb-1"), "lb-1");

  const request = { identifier: "first", endpoints: ["lb-1", "lb-2"] };
  const answer = await fetch(`${api.api!.url}/greet`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  expect(answer.status).toBe(202);
  const { id } = (await answer.json()) as { id: string };
  const settled = await (await fetch(`${api.api!.url}/greet/${id}?wait=30`)).json();
  expect(settled).toMatchObject({
    status: "succeeded",
    responses: [
      { endpoint: "lb-1", attempt: 2, result: { from: "lb-1" } },
      { endpoint: "lb-2", attempt: 2, result: { from: "lb-2" } },
    ],
  });
  for (const endpoint of ["lb-1", "lb-2"]) {
    const submitted = await until(`the task that ${endpoint}'s handler asked for`, async () => {
      const list = await (await fetch(`${api.api!.url}/any?identifier=${encodeURIComponent(`of ${endpoint}`)}`)).json();
      return (list as { items: Array<{ id: string }> }).items[0] ?? null;
    });
    const done = await (await fetch(`${api.api!.url}/any/${submitted.id}?wait=30`)).json();
    expect(done).toMatchObject({ status: "succeeded" });
  }
}, 300_000);

test("what an endpoint's database user asks for is bounded to what its types may submit, under its name, and audited", async () => {
  const root = await createConnection(database.uri);
  const made = pairOf((await run({ separateUsers: true, newPasswords: true })).out, "the API");
  const { database: uri } = pairOf(
    (await run({ endpoint: "lb-1", types: "greet,any", newPasswords: true })).out,
    "the manager of lb-1",
  );
  await start(made);
  const hostile = await createConnection(uri);
  const ask = async (connection: Connection, type: string, body: string) => {
    const id = newId();
    await connection.query(
      "INSERT INTO task_requests (id, type, identifier, body, created_by) VALUES (?, ?, ?, ?, 'the boss')",
      [id, type, id, body],
    );
    return id;
  };
  const outcome = (id: string) =>
    until("the request is decided", async () => {
      const row = async (sql: string) => ((await root.query(sql, [id]))[0] as object[])[0];
      const asked = await row("SELECT problem FROM task_requests WHERE id = ?");
      const task = await row("SELECT created_by FROM tasks WHERE id = ?");
      const { problem } = (asked ?? {}) as { problem?: string | null };
      return problem ? (JSON.parse(problem) as object) : asked ? null : task;
    });
  const elsewhere = '{"endpoints":["lb-2"]}';
  const [secret, own, allowed] = [
    await ask(hostile, "secret", elsewhere),
    await ask(hostile, "greet", elsewhere),
    await ask(hostile, "any", "{}"),
  ];
  expect(await outcome(secret)).toMatchObject({ code: "forbidden", detail: expect.stringContaining("Endpoint lb-1") });
  expect(await outcome(own)).toMatchObject({ code: "forbidden" });
  expect(await outcome(allowed)).toEqual({ created_by: "endpoint lb-1" });
  // An administrator gave an application its right: it says itself for whom it asks.
  const application = await ask(root, "secret", elsewhere);
  expect(await outcome(application)).toEqual({ created_by: "the boss" });
  const [trail] = await root.query(
    "SELECT action, actor, task_id, type, detail FROM audit WHERE actor IN ('endpoint lb-1', 'the boss') ORDER BY id",
  );
  const account = `${userName(database.name, ROLES[2])}@%`;
  const told = (trail as Array<{ detail: string }>).map((entry) => ({ ...entry, detail: JSON.parse(entry.detail) }));
  expect(told).toEqual(
    expect.arrayContaining([
      {
        action: "request.refuse",
        actor: "endpoint lb-1",
        task_id: null,
        type: "secret",
        detail: { request: secret, account, code: "forbidden" },
      },
      {
        action: "task.create",
        actor: "endpoint lb-1",
        task_id: allowed,
        type: "any",
        detail: { request: allowed, account },
      },
      {
        action: "task.create",
        actor: "the boss",
        task_id: application,
        type: "secret",
        detail: { request: application, account: expect.any(String) },
      },
    ]),
  );
  await Promise.all([hostile.end(), root.end()]);
}, 300_000);

test("passwords are shown once, stay when it is repeated, and are replaced when asked for", async () => {
  const repeated = await run({ separateUsers: true });
  expect(repeated.code).toBe(0);
  expect(repeated.out).toContain("was there already, its password stays");
  expect(repeated.out).not.toContain("_URI=");
  const first = await run({ endpoint: "lb-2" });
  const old = pairOf(first.out, "the manager of lb-2");
  const again = pairOf((await run({ endpoint: "lb-2", newPasswords: true })).out, "the manager of lb-2");
  expect(again.database).toMatch(/^mysql:\/\/[^:]+:[\w-]{32}@/);
  expect(again.broker).toMatch(/^amqp:\/\/[^:]+:[\w-]{32}@/);
  await expect(createConnection(old.database)).rejects.toMatchObject({ code: "ER_ACCESS_DENIED_ERROR" });
  await expect(lookInto(old.broker)).rejects.toThrow();
  await (await createConnection(again.database)).end();
  await (await lookInto(again.broker)).close();
});

test("the manager of one endpoint reads no other endpoint's queue and publishes nothing", async () => {
  const { broker } = pairOf(
    (await run({ endpoint: "lb-1", types: "greet,any", newPasswords: true })).out,
    "the manager of lb-1",
  );
  const tried = async (what: (channel: Awaited<ReturnType<typeof lookInto>>["channel"]) => unknown) => {
    const view = await lookInto(broker);
    let code = 0;
    view.channel.on("error", (error: Error & { code?: number }) => {
      code = error.code ?? -1;
    });
    try {
      await what(view.channel);
      await view.channel.checkQueue("tasker.greet.lb-1");
    } catch (error) {
      code = (error as { code?: number }).code ?? code;
    }
    await view.close();
    return code;
  };
  const message = Buffer.from("{}");
  expect(await tried((channel) => channel.checkQueue("tasker.greet.lb-1"))).toBe(0);
  expect(await tried((channel) => channel.get("tasker.greet.lb-2"))).toBe(403);
  expect(await tried((channel) => channel.consume("tasker.greet.lb-2", () => {}))).toBe(403);
  expect(await tried((channel) => channel.purgeQueue("tasker.greet.lb-2"))).toBe(403);
  expect(await tried((channel) => channel.publish("tasker.greet", "*", message))).toBe(403);
  expect(await tried((channel) => channel.sendToQueue("tasker.greet.lb-1", message))).toBe(403);
  expect(await tried((channel) => channel.assertExchange("mine", "fanout"))).toBe(403);
  expect(await tried((channel) => channel.assertQueue("mine"))).toBe(403);
  expect(await tried((channel) => channel.assertQueue("tasker.secret.lb-1"))).toBe(403);
  expect(await tried((channel) => channel.bindQueue("tasker.greet.lb-1", "tasker.secret", "*"))).toBe(403);
  expect(await tried((channel) => channel.bindQueue("tasker.greet.lb-1", "tasker.greet", "lb-2"))).toBe(403);
  expect(await tried((channel) => channel.get("tasker.secret.lb-1"))).toBe(403);
  expect(await tried((channel) => channel.get("tasker.dead"))).toBe(403);
});

test("removing or renaming an endpoint deletes the broker user that was its alone, where the API knows an administrator", async () => {
  const api = pairOf((await run({ separateUsers: true, newPasswords: true })).out, "the API");
  const own = async (endpoint: string) =>
    pairOf((await run({ endpoint, types: "greet,any", newPasswords: true })).out, `the manager of ${endpoint}`);
  const pairs = { "lb-3": await own("lb-3"), "lb-4": await own("lb-4") };
  const users = async () => ((await management("GET", "users")) as Array<{ name: string }>).map(({ name }) => name);
  const nameOf = (endpoint: string) => userName(vhost.name, { part: "manager", endpoint });
  const end = async (server: TaskerProcess, path: string, method: string, body?: object) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${server.api!.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return ((await answer.json()) as { broker_user: object | null }).broker_user;
  };
  const held = await lookInto(pairs["lb-3"].broker);
  const cut = new Promise<void>((resolve) => held.channel.once("close", () => resolve()));

  const without = await start(api);
  for (const endpoint of ["lb-3", "lb-4"]) {
    const manager = await start(pairs[endpoint as "lb-3" | "lb-4"], endpoint);
    await manager.close();
  }
  expect(await end(without, "/endpoints/lb-3?dry_run=true", "DELETE")).toBeNull();
  expect(await end(without, "/endpoints/lb-3", "DELETE")).toEqual({
    name: nameOf("lb-3"),
    state: "kept",
    detail: expect.stringContaining(`rabbitmqctl delete_user ${nameOf("lb-3")}`),
  });
  expect(await users()).toContain(nameOf("lb-3"));

  const admin = new URL(managementServer());
  const { origin: management_uri, username: user, password } = admin;
  const server = await start(api, undefined, { rabbitmq: { management_uri, user, password } });
  expect(await end(server, "/endpoints/lb-3", "DELETE")).toMatchObject({ name: nameOf("lb-3"), state: "deleted" });
  await cut;
  await expect(lookInto(pairs["lb-3"].broker)).rejects.toThrow();
  expect(await users()).toContain(nameOf("lb-4"));
  await (await lookInto(pairs["lb-4"].broker)).close();
  expect(await end(server, "/endpoints/lb-3", "DELETE")).toMatchObject({ name: nameOf("lb-3"), state: "absent" });
  const renamed = await end(server, "/endpoints/lb-4/rename", "POST", { name: "lb-5" });
  expect(renamed).toMatchObject({ name: nameOf("lb-4"), state: "deleted" });
  for (const endpoint of ["lb-3", "lb-4"]) expect(await users()).not.toContain(nameOf(endpoint));
  expect(await users()).toContain(userName(vhost.name, { part: "manager" }));
}, 300_000);

test.each([
  ["a name that is none", { endpoint: "Lb 1" }, "not an endpoint's name"],
  ["a reset of one endpoint", { endpoint: "lb-1", reset: true }, "choose one"],
  ["types of no endpoint", { separateUsers: true, types: "greet" }, "goes with --endpoint"],
  ["types that there are not", { endpoint: "lb-1", types: "greet,gret" }, "the config has greet"],
  ["new passwords for nobody", { newPasswords: true }, "goes with"],
] as Array<[string, InitializeOptions, string]>)("%s is refused", async (_what, options, sentence) => {
  expect(await run(options)).toMatchObject({ code: 2, err: expect.stringContaining(sentence) });
});

test("a dry run shows the users and makes none", async () => {
  const { code, out } = await run({ endpoint: "lb-9", dryRun: true });
  expect(code).toBe(0);
  expect(out).toMatch(/create the database user .*-at-lb-9 with the rights of the manager of lb-9/);
  const names = (await management("GET", "users")) as Array<{ name: string }>;
  expect(names.some(({ name }) => name.endsWith("-at-lb-9"))).toBe(false);
});

test("long names are cut and stay apart", () => {
  const names = ["a", "b"].map((end) => userName("tasker", { part: "manager", endpoint: `${"x".repeat(60)}${end}` }));
  expect(names.map((name) => name.length)).toEqual([32, 32]);
  expect(new Set(names).size).toBe(2);
  expect(userName("tasker", { part: "manager", endpoint: "api" })).not.toBe(userName("tasker", { part: "api" }));
});
