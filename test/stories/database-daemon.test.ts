import { join } from "node:path";
import Libsql from "libsql";
import { createConnection as createCallbackConnection } from "mysql2";
import { createConnection } from "mysql2/promise";
import { DataSource } from "typeorm";
import { newId } from "../../src/model/ids";
import { enqueue, type Queryable } from "../../src/tasks/requests/enqueue";
import { until } from "../support/until";
import { ALL_MODES, type Body, type TestSystem, world } from "../support/world";
import { folder, fresh, perform, stands } from "./support";

const FILES = {
  // Dies in its first attempts, in the way that the payload says.
  "handlers/fragile.cjs": `
exports.handleTask = async (payload, context) => {
  context.log("attempt " + context.attempt);
  if (context.attempt <= payload.deaths) {
    if (payload.by === "exit") process.exit(3);
    if (payload.by === "signal") process.kill(process.pid, "SIGKILL");
    if (payload.by === "memory") {
      const held = [];
      for (;;) held.push(new Array(1_000_000).fill(held.length));
    }
    throw new Error("told to fail");
  }
  return { process: process.pid, attempt: context.attempt };
};`,
  "handlers/echo.cjs": "exports.handleTask = async (payload) => payload;",
};

const EXTRA = ["tasks", "task_responses", "task_attempts", "task_requests", "response_logs", "endpoints", "managers"];

/** A table of requests with a daemon that works it off, as people had it in their own database. */
describe.each(ALL_MODES)("a database table with a daemon, %s", (mode) => {
  let w: TestSystem;
  let files: Awaited<ReturnType<typeof folder>>;
  let table: Awaited<ReturnType<TestSystem["manager"]>>;

  const nodeOptions = process.env.NODE_OPTIONS ?? "";

  beforeAll(async () => {
    // For handlers' processes: so that one of them runs out of memory soon.
    process.env.NODE_OPTIONS = `${nodeOptions} --max-old-space-size=64`;
    files = await folder(FILES);
    const policy = { backoff: { first: "10ms" }, attempts: 3 };
    w = await world(mode, {
      types: { fragile: { ...policy }, echo: { ...policy }, shared: { ...policy, deliver: "one", handler: "echo" } },
      more: { handlers: join(files.dir, "handlers") },
    });
    // Somebody has added columns of their own to every table.
    const sql = await outside(w);
    for (const name of EXTRA)
      await sql.run(`ALTER TABLE ${name} ADD COLUMN our_note VARCHAR(40) NOT NULL DEFAULT 'ours'`);
    await sql.close();
    table = await w.manager("daemon");
  });
  afterAll(async () => {
    process.env.NODE_OPTIONS = nodeOptions;
    await w.close();
    await files.remove();
  });

  test("options are kept and handed on byte for byte; a delay is waited for, one in the past is none", async () => {
    const options = '{"b":1.0,"a":12345678901234567890,"é":"\\u0041"}';
    const past = "1999-01-01T00:00:00Z";
    const text = `{"identifier":"${fresh()}","payload":${options},"delay_until":"${past}"}`;
    const { body: task } = await w.request("POST", "/echo", text);
    expect(await w.settled(task)).toMatchObject({ status: "succeeded" });
    expect((await w.get(`/echo/${task.id}`)).text).toContain(`"payload":${options}`);

    const at = new Date(Date.now() + 700).toISOString();
    const later = await w.submit("echo", { identifier: fresh(), delay_until: at });
    expect(later.status).toBe("scheduled");
    expect((await w.settled(later)).started_at >= at).toBe(true);

    const far = await w.submit("echo", { identifier: fresh(), delay_until: "9999-12-31T23:59:59.999Z" });
    expect(far).toMatchObject({ status: "scheduled", delay_until: "9999-12-31T23:59:59.999Z" });
    expect((await w.post(`/echo/${far.id}/cancel`)).body.outcomes[0].outcome).toBe("withdrawn");
    const beyond = await w.post("/echo", { identifier: fresh(), delay_until: "+010000-01-01T00:00:00Z" });
    expect([beyond.status, beyond.body.errors[0].pointer]).toEqual([422, "#/delay_until"]);
  });

  test("a process that dies is noticed, its reason recorded, and the work attempted again in another one", async () => {
    const reasons = { exit: "exit_code", signal: "signal", memory: "out_of_memory", error: "error" };
    const tasks = await Promise.all(
      Object.keys(reasons).map((by) => w.submit("fragile", { identifier: fresh(), payload: { by, deaths: 1 } })),
    );
    const neighbour = await perform(w, "echo", { identifier: fresh(), payload: { fine: true } });
    expect(neighbour).toMatchObject({ status: "succeeded", attempt: 1 });
    for (const [i, [by, reason]] of Object.entries(reasons).entries()) {
      const done = await w.settled(tasks[i]!);
      expect(done.responses[0]).toMatchObject({ status: "succeeded", attempt: 2, attempts: 3 });
      const { history } = (await w.get(`/fragile/${done.id}/responses/daemon`)).body;
      expect([by, ...history.map((attempt: Body) => `${attempt.outcome} ${attempt.reason}`)]).toEqual([
        by,
        `failed ${reason}`,
        "succeeded null",
      ]);
      if (by === "exit") expect(history[0].error).toContain("exit code 3");
    }
  });

  test("when its attempts are used up it has failed for good, and a retry opens a new generation with the history kept", async () => {
    const task = await w.submit("fragile", { identifier: fresh(), payload: { by: "exit", deaths: 9 }, attempts: 2 });
    const { status, responses } = await w.settled(task);
    expect([status, responses[0].reason, responses[0].attempt]).toEqual(["failed", "exit_code", 2]);
    await w.post(`/fragile/${task.id}/retry`, { endpoints: ["daemon"] });
    await stands(w, task, "the second generation's end", (now) => now.settled && now.finished_at);
    const { generation, history } = (await w.get(`/fragile/${task.id}/responses/daemon`)).body;
    expect(generation).toBe(2);
    expect(history.map((attempt: Body) => [attempt.generation, attempt.attempt])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ]);
  });

  test("a daemon on another host whose heartbeat stops is noticed, and its work done elsewhere", async () => {
    const { managers } = w.api.store;
    await table.stop();
    const elsewhere = { id: newId(), endpoint: "daemon", host: "another-host", pid: 1, slot: "0", ttlMs: 500 };
    await managers.register({ ...elsewhere, labels: {}, types: ["echo"], version: "1" });
    const task = await w.submit("echo", { identifier: fresh() });
    const [claim] = await managers.claim(elsewhere.id, "daemon", [{ taskId: task.id, job: "" }]);
    expect(claim!.granted).toBe(true);
    table = await w.manager("daemon");
    await stands(w, task, "it to be done by the living one", (now) => now.status === "succeeded");
    const { history } = (await w.get(`/echo/${task.id}/responses/daemon`)).body;
    expect(history.map((attempt: Body) => [attempt.outcome, attempt.reason])).toEqual([
      ["lost", "crash"],
      ["succeeded", null],
    ]);
    const { items } = (await w.get("/endpoints")).body;
    const states = items.find((one: Body) => one.name === "daemon").managers.map((one: Body) => one.state);
    expect(states.sort()).toContain("dead");
  });

  test("a request stored with one's own transaction goes out after the commit, and never after a rollback", async () => {
    const ways = await transactions(w);
    for (const [name, way] of Object.entries(ways)) {
      const [kept, dropped] = [`${name} kept`, `${name} dropped`];
      const request = (identifier: string) => ({ type: "echo", identifier, payload: { by: name } });
      await way(false, (within) => enqueue(within, request(dropped)));
      const { id } = await way(true, (within) => enqueue(within, request(kept)));
      const task = { type: "echo", id };
      await stands(w, task, `${kept} to be done`, (now) => now.status === "succeeded" && now.identifier === kept);
      expect((await w.get(`/echo?identifier=${encodeURIComponent(dropped)}`)).body.items).toEqual([]);
    }
  });

  test("so does a plain INSERT; what cannot be a task keeps its problem in its row", async () => {
    const sql = await outside(w);
    const insert = (id: string, type: string, identifier: string, body: string | null) =>
      sql.run(
        `INSERT INTO task_requests (id, type, identifier, body) VALUES ('${id}', '${type}', '${identifier}', ${body === null ? "NULL" : `'${body}'`})`,
      );
    await insert("6ccd780c-baba-1026-9564-5b8c656024db", "echo", "by hand", '{"payload": {"n": 1.0}}');
    await insert("anything", "shared", "nothing but a name", null);
    await insert("wrong-1", "echo", "unknown field", '{"paylod": {}}');
    await insert("wrong-2", "nowhere", "unknown type", "{}");
    const done = await until("the task", async () => {
      const { items } = (await w.get("/echo?identifier=by%20hand")).body;
      return items[0]?.status === "succeeded" ? items[0] : null;
    });
    expect((await w.get(`/echo/${done.id}`)).text).toContain('"payload":{"n": 1.0}');
    // Its id tells its time, whatever the row's id was: lists and deletions go by that.
    expect(done.id[14]).toBe("7");
    await until("the other", async () => (await w.get("/shared")).body.items[0]?.status === "succeeded");
    await insert("wrong-3", "echo", "by hand", '{"payload": {"n": 2}}');
    const left = await until("the refusals", async () => {
      const rows = await sql.all("SELECT id, problem FROM task_requests ORDER BY id");
      return rows.length === 3 && rows.every((row) => row.problem !== null) ? rows : null;
    });
    expect(left.map((row) => [row.id, JSON.parse(row.problem!).code])).toEqual([
      ["wrong-1", "invalid_request"],
      ["wrong-2", "unknown_task_type"],
      ["wrong-3", "identifier_conflict"],
    ]);
    await sql.close();
  });

  test("ten thousand tasks that wait for tomorrow are in no queue and in no manager's memory", async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const before = table.managers[0]!.state();
    for (const type of ["echo", "shared"]) {
      for (let batch = 0; batch < 5; batch++) {
        const tasks = Array.from({ length: 1000 }, () => ({ identifier: fresh(), delay_until: tomorrow }));
        const { body } = await w.post(`/${type}/batch`, { tasks });
        expect(body.results.every((result: Body) => result.status === 202)).toBe(true);
      }
    }
    // One more that is due now: when it is done, the reconciler has looked at everything that was due.
    await perform(w, "echo", { identifier: fresh() });
    const { transport } = w.api;
    expect(await transport.depth({ to: "endpoint", type: "echo", endpoint: "daemon" })).toMatchObject({ ready: 0 });
    for (const band of [0, 1, 2] as const) {
      expect(await transport.depth({ to: "one", type: "shared", band })).toMatchObject({ ready: 0 });
    }
    const after = table.managers[0]!.state();
    expect([after.waiting, after.running]).toEqual([0, 0]);
    expect(after.deliveries - before.deliveries).toBeLessThan(10);
    const { items } = (await w.get("/shared?status=scheduled&limit=100")).body;
    expect(items).toHaveLength(100);
  });
});

/** The database, as somebody else's program sees it. */
async function outside(w: TestSystem) {
  if (w.mode === "embedded") {
    const db = new Libsql(w.databaseUri.slice("sqlite:".length), { timeout: 5000 });
    return {
      run: async (text: string) => void db.exec(text),
      all: async (text: string) => db.prepare(text).all() as Array<{ id: string; problem: string | null }>,
      close: async () => void db.close(),
    };
  }
  const connection = await createConnection(w.databaseUri);
  return {
    run: async (text: string) => void (await connection.query(text)),
    all: async (text: string) => (await connection.query(text))[0] as Array<{ id: string; problem: string | null }>,
    close: () => connection.end(),
  };
}

/** Ways in which people hold a transaction: does the work in one, then commits or rolls back. */
type Way = <T>(commit: boolean, work: (within: Queryable) => Promise<T>) => Promise<T>;

async function transactions(w: TestSystem): Promise<Record<string, Way>> {
  if (w.mode === "embedded") {
    return {
      sqlite: async (commit, work) => {
        const db = new Libsql(w.databaseUri.slice("sqlite:".length), { timeout: 5000 });
        db.exec("BEGIN IMMEDIATE");
        const result = await work({ query: (sql: string, params: string[]) => db.prepare(sql).run(...params) });
        db.exec(commit ? "COMMIT" : "ROLLBACK");
        db.close();
        return result;
      },
    };
  }
  class Undo extends Error {}
  const typeorm =
    (through: "manager" | "runner"): Way =>
    async (commit, work) => {
      const orm = await new DataSource({ type: "mysql", url: w.databaseUri }).initialize();
      let result: Awaited<ReturnType<typeof work>> | undefined;
      await orm
        .transaction(async (manager) => {
          result = await work(through === "manager" ? manager : manager.queryRunner!);
          if (!commit) throw new Undo();
        })
        .catch((error) => {
          if (!(error instanceof Undo)) throw error;
        });
      await orm.destroy();
      return result!;
    };
  return {
    "typeorm manager": typeorm("manager"),
    "typeorm query runner": typeorm("runner"),
    "mysql2 promise": async (commit, work) => {
      const connection = await createConnection(w.databaseUri);
      await connection.beginTransaction();
      const result = await work(connection);
      await (commit ? connection.commit() : connection.rollback());
      await connection.end();
      return result;
    },
    "mysql2 callback": async (commit, work) => {
      const connection = createCallbackConnection(w.databaseUri);
      const ask = (sql: string) =>
        new Promise<void>((resolve, reject) => connection.query(sql, (error) => (error ? reject(error) : resolve())));
      await ask("START TRANSACTION");
      const result = await work(connection);
      await ask(commit ? "COMMIT" : "ROLLBACK");
      connection.end();
      return result;
    },
  };
}
