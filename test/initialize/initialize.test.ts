import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { createConnection } from "mysql2/promise";
import type { InitializeOptions } from "../../src/initialize/confirm";
import { initialize } from "../../src/initialize/initialize";
import {
  brokerServer,
  createDatabase,
  createVhost,
  management,
  managementServer,
  type Scratch,
} from "../support/services";

let cwd: string;
let before: string;
const removed: Array<() => Promise<unknown>> = [];

beforeEach(() => {
  before = process.cwd();
  cwd = mkdtempSync(join(tmpdir(), "tasker-initialize-"));
  mkdirSync(join(cwd, "config"));
  process.chdir(cwd);
});
afterEach(async () => {
  process.chdir(before);
  rmSync(cwd, { recursive: true, force: true });
  for (const remove of removed.splice(0)) await remove();
});

async function run(options: InitializeOptions, answer?: string): Promise<{ code: number; out: string; err: string }> {
  const input = Object.assign(new PassThrough(), { isTTY: answer !== undefined });
  const [output, error] = [new PassThrough(), new PassThrough()];
  if (answer !== undefined) input.end(`${answer}\n`);
  const code = await initialize(options, { input, output, error });
  return { code, out: String(output.read() ?? ""), err: String(error.read() ?? "") };
}

/** Servers' addresses in a config of this mode, naming a database and a vhost that do not exist yet. */
async function onServers(mode = "test"): Promise<{ database: Scratch; vhost: Scratch; user: string; text: string }> {
  const database = await createDatabase("initialize");
  const vhost = await createVhost("initialize");
  await database.drop();
  await vhost.drop();
  const user = `u-${vhost.name}`;
  const broker = new URL(vhost.uri);
  broker.username = user;
  broker.password = "fresh-and-long";
  const admin = new URL(managementServer());
  const text = `
task_types: { noop: {} }
database: { uri: "${database.uri}" }
broker: { uri: "${broker.href}" }
rabbitmq: { management_uri: "${admin.origin}", user: "${admin.username}", password: "${admin.password}" }
`;
  writeFileSync(join(cwd, "config", `${mode}.config.yaml`), text, { mode: 0o600 });
  removed.push(database.drop, vhost.drop, () => management("DELETE", `users/${user}`).catch(() => null));
  return { database, vhost, user, text };
}

async function tablesOf(database: Scratch): Promise<string[]> {
  const connection = await createConnection(database.uri);
  const [rows] = await connection.query("SHOW TABLES");
  await connection.end();
  return (rows as object[]).map((row) => String(Object.values(row)[0]));
}

describe("on servers", () => {
  test("it names host, database and vhost first, makes everything, and may be repeated", async () => {
    const { database, vhost, user } = await onServers();
    const first = await run({ mode: "test", yes: true });
    expect(first).toMatchObject({ code: 0, err: "" });
    const lines = first.out.split("\n");
    expect(lines[0]).toMatch(/^run mode {2}test/);
    expect(lines[1]).toContain(`${database.name} on 127.0.0.1:`);
    expect(lines[2]).toMatch(new RegExp(`${new URL(brokerServer()).host}, vhost ${vhost.name}, user ${user}`));
    expect(first.out).not.toContain("fresh-and-long");
    expect(await tablesOf(database)).toEqual(expect.arrayContaining(["tasks", "task_responses"]));
    expect(await management("GET", `permissions/${vhost.name}/${user}`)).toMatchObject({ configure: ".*" });

    const second = await run({ mode: "test", yes: true });
    expect(second.code).toBe(0);
    expect(second.out.match(/was there already/g)?.length).toBe(3);
    expect(second.out).toContain("were up to date");
  }, 300_000);

  test("a reset leaves nothing of what was stored", async () => {
    const { database, vhost } = await onServers();
    await run({ mode: "test", yes: true });
    const connection = await createConnection(database.uri);
    await connection.query("CREATE TABLE left_over (a INT)");
    await connection.end();
    await management("PUT", `queues/${vhost.name}/left-over`, { durable: true });

    const { code, out } = await run({ mode: "test", reset: true, yes: true });
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/drop the database .*: dropped \d+ tables/),
    });
    expect(await tablesOf(database)).not.toContain("left_over");
    expect(await management("GET", `queues/${vhost.name}`)).toEqual([]);
  }, 300_000);

  test("a dry run shows the steps and does none of them", async () => {
    const { database } = await onServers();
    const { code, out } = await run({ mode: "test", reset: true, dryRun: true });
    expect(code).toBe(0);
    expect(out).toMatch(/would:\n {2}drop the database .*lost/);
    await expect(createConnection(database.uri)).rejects.toThrow("Unknown database");
  });

  test("production needs its name typed, twice for a reset", async () => {
    const { database, text } = await onServers("production");
    for (const options of [
      { mode: "production", reset: true, yes: true },
      { mode: "production", reset: true, yesReset: "test" },
    ]) {
      expect(await run(options)).toMatchObject({ code: 6, err: expect.stringContaining("--yes-reset production") });
    }
    process.env.TASKER_MODE = "production";
    try {
      expect(await run({ yes: true })).toMatchObject({
        code: 6,
        err: expect.stringContaining("type --mode production"),
      });
    } finally {
      delete process.env.TASKER_MODE;
    }
    await expect(createConnection(database.uri)).rejects.toThrow("Unknown database");
    expect(text).not.toBe("");
    expect(await run({ mode: "production", reset: true, yesReset: "production" })).toMatchObject({ code: 0 });
    expect(await tablesOf(database)).toContain("tasks");
  }, 300_000);

  test("a wrong password and a server that is away are told in a sentence", async () => {
    const { text } = await onServers();
    const file = join(cwd, "config", "test.config.yaml");
    writeFileSync(file, text.replace(/mysql:\/\/(\w+):\w+@/, "mysql://$1:wrong@"));
    expect(await run({ mode: "test", yes: true })).toMatchObject({
      code: 6,
      err: expect.stringContaining("does not accept the user"),
    });
    writeFileSync(file, text.replace(/mysql:\/\/[^/]+\//, "mysql://a:b@127.0.0.1:1/"));
    expect(await run({ mode: "test", yes: true })).toMatchObject({
      code: 5,
      err: expect.stringContaining("does not answer at 127.0.0.1:1"),
    });
    writeFileSync(file, text.replace(/management_uri: "[^"]*"/, 'management_uri: "http://127.0.0.1:1"'));
    expect(await run({ mode: "test", yes: true })).toMatchObject({
      code: 5,
      err: expect.stringContaining("does not answer"),
    });
    writeFileSync(file, text.replace(/password: "[^"]*"/, 'password: "wrong"'));
    expect(await run({ mode: "test", yes: true })).toMatchObject({
      code: 6,
      err: expect.stringContaining("rabbitmq.password"),
    });
    writeFileSync(file, text.replace(/rabbitmq:.*/, ""));
    expect(await run({ mode: "test", yes: true })).toMatchObject({
      code: 9,
      err: expect.stringContaining("no `rabbitmq:`"),
    });
  }, 300_000);
});

describe("embedded", () => {
  beforeEach(() => writeFileSync(join(cwd, "config", "embedded.config.yaml"), "task_types: { noop: {} }\n"));

  test("it makes the file and its tables, and a reset makes them anew", async () => {
    expect(await run({ yes: true })).toMatchObject({ code: 0, out: expect.stringContaining("tasker.db (SQLite)") });
    const file = join(cwd, "data", "tasker.db");
    expect(existsSync(file)).toBe(true);
    writeFileSync(join(cwd, "data", "other.txt"), "stays");
    expect(await run({ reset: true, yes: true })).toMatchObject({ code: 0, out: expect.stringContaining("deleted") });
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(join(cwd, "data", "other.txt"), "utf8")).toBe("stays");
  });

  test("without a terminal it needs --yes", async () => {
    expect(await run({})).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
    expect(existsSync(join(cwd, "data"))).toBe(false);
  });

  test("on a terminal it asks, and a reset wants the word reset", async () => {
    expect(await run({}, "no")).toMatchObject({ code: 1, out: expect.stringContaining("Nothing was changed.") });
    expect(await run({ reset: true }, "yes")).toMatchObject({ code: 1 });
    expect(existsSync(join(cwd, "data"))).toBe(false);
    expect(await run({}, "yes")).toMatchObject({ code: 0 });
    expect(await run({ reset: true }, "reset")).toMatchObject({ code: 0 });
  });
});
