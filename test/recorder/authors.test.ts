import { type ConfirmChannel, connect, type Options } from "amqplib";
import { createConnection } from "mysql2/promise";
import { configFrom } from "../../src/config/loading/load";
import { userName } from "../../src/initialize/users";
import { silentLog } from "../../src/log";
import { newId } from "../../src/model/ids";
import { startProcess, type TaskerProcess } from "../../src/tasker";
import { Reports } from "../../src/tasks/reports";
import { managerPermissions } from "../../src/transport/amqp/administration/permissions";
import { lookInto } from "../support/broker";
import { createDatabase, createVhost, management, type Scratch } from "../support/services";
import { until } from "../support/until";

/** An endpoint speaks only as itself: what else its broker user tries is refused, parked and counted. */

let database: Scratch;
let vhost: Scratch;
let api: TaskerProcess;
const uris: Record<string, string> = {};

beforeAll(async () => {
  database = await createDatabase("authors");
  vhost = await createVhost("authors");
  for (const endpoint of ["lb-1", "lb-2"]) {
    const name = userName(vhost.name, { part: "manager", endpoint });
    await management("PUT", `users/${name}`, { password: "secret", tags: "" });
    const rights = managerPermissions(endpoint, [{ type: "greet", deliver: "each" }], false);
    await management("PUT", `permissions/${encodeURIComponent(vhost.name)}/${name}`, rights);
    const uri = new URL(vhost.uri);
    uri.username = name;
    uri.password = "secret";
    uris[endpoint] = uri.href;
  }
  api = await startProcess({ config: configOf(vhost.uri), log: silentLog, api: true, endpoints: [] });
  await api.ready;
}, 300_000);

afterAll(async () => {
  await api?.close();
  for (const endpoint of ["lb-1", "lb-2"])
    await management("DELETE", `users/${userName(vhost.name, { part: "manager", endpoint })}`).catch(() => null);
  await Promise.all([database.drop(), vhost.drop()]);
}, 300_000);

function configOf(broker: string, more: object = {}) {
  return configFrom({
    task_types: { greet: { attempts: 1 } },
    database: { uri: database.uri },
    broker: { uri: broker },
    api: { port: 0 },
    ...more,
  });
}

/** A channel of the endpoint's own user, without tasker. */
async function channelOf(endpoint: string) {
  const model = await connect(uris[endpoint]!);
  model.on("error", () => {});
  const channel = await model.createConfirmChannel();
  let closedBy: string | null = null;
  channel.on("error", (error) => {
    closedBy = error.message;
  });
  return { channel, why: () => closedBy, close: () => model.close().catch(() => {}) };
}

async function publish(channel: ConfirmChannel, to: "reports" | "calls", body: object, options: Options.Publish) {
  channel.publish("tasker.:recorder", `tasker.:${to}`, Buffer.from(JSON.stringify(body)), options);
  await channel.waitForConfirms();
}

async function parked(): Promise<{ reason: string; body: string }> {
  const view = await lookInto(vhost.uri);
  const message = await until(
    "a parked message",
    async () => (await view.channel.get("tasker.dead", { noAck: true })) || null,
  );
  await view.close();
  return { reason: String(message.properties.headers?.["x-tasker-reason"]), body: String(message.content) };
}

const own = (endpoint: string) => userName(vhost.name, { part: "manager", endpoint });
const end = (endpoint: string) => ({
  ...{ task_id: newId(), endpoint, job: "", lease_id: newId(), generation: 1, attempt: 1, status: "succeeded" },
  ...{ reason: null, error: null, result: null, result_text: null },
});

test("an endpoint whose only credentials are its own broker user performs a task to its end", async () => {
  const config = configOf(uris["lb-1"]!, {
    manager: { report: "broker", spool: "/dev/null/none" },
    database: { uri: "mysql://nobody:nothing@127.0.0.1:1/none" },
  });
  const greet = async () => ({ hello: "world" });
  const manager = await startProcess({
    ...{ config, log: silentLog, api: false },
    ...{ endpoints: ["lb-1"], functions: { greet } },
  });
  await manager.ready;
  const answer = await fetch(`${api.api!.url}/greet?wait=20`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ identifier: newId(), endpoints: ["lb-1"] }),
  });
  const task = (await answer.json()) as { responses: object[] };
  await manager.close();
  expect(task.responses).toMatchObject([{ endpoint: "lb-1", status: "succeeded", result: { hello: "world" } }]);
  expect(() => manager.store).toThrow("no connection to the database");
}, 60_000);

test("a report without a user is refused, because the broker checks a user only where one is named", async () => {
  const it = await channelOf("lb-1");
  await publish(it.channel, "reports", { v: 1, finish: [end("lb-1")] }, {});
  expect((await parked()).reason).toMatch(/^no_author: /);
  await it.close();
});

test("a report under another's name is refused by the broker", async () => {
  const it = await channelOf("lb-1");
  await expect(publish(it.channel, "reports", { v: 1 }, { userId: own("lb-2") })).rejects.toThrow();
  expect(it.why()).toMatch(/user_id property set to .* but authenticated user was/);
  await it.close();
});

test("what an endpoint reports of another one, and what it asks for it, is refused as foreign", async () => {
  const it = await channelOf("lb-1");
  await publish(it.channel, "reports", { v: 1, finish: [end("lb-1"), end("lb-2")] }, { userId: own("lb-1") });
  expect(await parked()).toMatchObject({
    reason: expect.stringMatching(/^foreign: .* does not speak for endpoint lb-2/),
  });
  const calls = [{ call: "open_deliveries", endpoint: "lb-2" }];
  await publish(it.channel, "calls", { v: 1, calls }, { userId: own("lb-1") });
  expect((await parked()).reason).toMatch(/^foreign: /);
  await it.close();
});

test("an endpoint neither ends nor revives another's manager, and asks only for what a type submits", async () => {
  const it = await channelOf("lb-1");
  const managerId = newId();
  const lb2 = {
    endpoint: "lb-2",
    host: "h",
    slot: "0",
    labels: {},
    types: ["greet"],
    version: "1",
    pid: 1,
    ttlMs: 60_000,
  };
  await api.store.managers.register({ ...lb2, id: managerId });
  const mine = { endpoint: "lb-1", manager_id: managerId };
  const registered = {
    ...{ endpoint: "lb-1", host: "h", slot: "0", labels: {}, types: [] },
    version: "1",
    pid: 1,
    ttl_ms: 1,
  };
  const refused: Array<[object, RegExp]> = [
    [{ call: "leave", ...mine }, /^foreign: .* does not speak for manager /],
    [{ call: "heartbeat", ...mine, running: 0, draining: true }, /^foreign: .* does not speak for manager /],
    [{ call: "claim", ...mine, claims: [] }, /^foreign: .* does not speak for manager /],
    [{ call: "register", ...registered, id: newId(), former: { id: managerId, cut_off: false } }, /^foreign: /],
    [{ call: "request", endpoint: "lb-1", id: newId(), type: "greet", identifier: "x", body: "{}" }, /`submits`/],
  ];
  for (const [call, reason] of refused) {
    await publish(it.channel, "calls", { v: 1, calls: [call] }, { userId: own("lb-1") });
    expect((await parked()).reason).toMatch(reason);
  }
  const { managers } = (await api.store.tasks.endpoints()).find(({ name }) => name === "lb-2")!;
  expect(managers).toMatchObject([{ id: managerId, state: "alive" }]);
  await it.close();
});

test("a report by a CC header, of an unknown version or without sense is parked with its reason", async () => {
  const it = await channelOf("lb-1");
  const userId = own("lb-1");
  await publish(it.channel, "calls", { v: 1, calls: [] }, { userId, CC: ["tasker.:reports"] });
  expect([(await parked()).reason, (await parked()).reason]).toEqual([
    expect.stringMatching(/^no_author: it came by a `CC` header/),
    expect.stringMatching(/^no_author: it came by a `CC` header/),
  ]);
  await publish(it.channel, "reports", { v: 2 }, { userId });
  expect((await parked()).reason).toMatch(/^invalid: v: /);
  await publish(it.channel, "reports", { v: 1, finish: [{ ...end("lb-1"), status: "running" }] }, { userId });
  expect((await parked()).reason).toMatch(/^invalid: finish\.0\.status: /);
  await it.close();
});

test("an end with a reason of any length is recorded, and takes no neighbour along", async () => {
  const it = await channelOf("lb-1");
  const long = { ...end("lb-1"), status: "failed", reason: "r".repeat(5000) };
  await publish(it.channel, "reports", { v: 1, finish: [long, end("lb-1")] }, { userId: own("lb-1") });
  expect(await new Reports(api.transport).allRecorded()).toBe(true);
  expect(await api.transport.depth({ to: "dead" })).toMatchObject({ ready: 0 });
  await it.close();
});

test("an end that was replayed after a retry, or invented, changes nothing", async () => {
  const it = await channelOf("lb-1");
  const userId = own("lb-1");
  await publish(it.channel, "reports", { v: 1, finish: [end("lb-1")] }, { userId });
  const [row] = await responses();
  const replayed = { ...end("lb-1"), task_id: row!.task_id, lease_id: row!.lease_id, status: "failed" };
  await publish(it.channel, "reports", { v: 1, finish: [replayed] }, { userId });
  expect(await new Reports(api.transport).allRecorded()).toBe(true);
  expect(await responses()).toEqual([row]);
  await it.close();
});

async function responses(): Promise<Array<{ task_id: string; lease_id: string; status: string }>> {
  const connection = await createConnection(database.uri);
  const [rows] = await connection.query("SELECT task_id, lease_id, status, version FROM task_responses");
  await connection.end();
  return rows as Array<{ task_id: string; lease_id: string; status: string }>;
}
