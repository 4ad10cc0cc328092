import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import Libsql from "libsql";
import { StoreUnavailable } from "../../src/errors";
import { silentLog } from "../../src/log";
import { MIGRATIONS } from "../../src/store/migrations";
import { openStore } from "../../src/store/sql/open";
import { type SqliteHandle, SqliteQueue, sqliteDatabase } from "../../src/store/sql/sqlite/database";
import type { Store } from "../../src/store/store";
import { claimed, createdTask, endOf, newTask, rowOf } from "./support";

const folder = mkdtempSync(join(tmpdir(), "tasker-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = () => join(folder, `${++files}.db`);
const open = (file: string, exclusive?: boolean) =>
  openStore({ uri: `sqlite:${file}`, poolSize: 1, deadlineMs: 5000, tls: null, log: silentLog, exclusive });

/** A table of its own and the queue in front of it. */
function queueOn(file: string) {
  const handle = new Libsql(file) as unknown as SqliteHandle;
  handle.pragma("journal_mode = WAL");
  handle.exec("CREATE TABLE numbers (n INTEGER PRIMARY KEY)");
  const queue = new SqliteQueue(handle);
  const add = (n: number) => queue.add(true, (connection) => connection.run("INSERT INTO numbers (n) VALUES (?)", [n]));
  const all = () =>
    queue.add(false, async (connection) =>
      (await connection.query<{ n: number }>("SELECT n FROM numbers")).map((row) => row.n),
    );
  return { handle, queue, add, all };
}

describe("the files of SQLite", () => {
  const modes = (dir: string) =>
    readdirSync(dir).map((name) => [name, (statSync(join(dir, name)).mode & 0o777).toString(8)]);
  let umask: number;
  beforeAll(() => {
    umask = process.umask(0);
  });
  afterAll(() => process.umask(umask));

  it("are for their owner alone, also those that everybody could read before", async () => {
    const dir = mkdtempSync(join(folder, "private-"));
    const file = join(dir, "tasker.db");
    const all = ["tasker.db", "tasker.db-shm", "tasker.db-wal", "tasker.db.lock"];
    for (const _ of ["new", "there already"]) {
      const store = await open(file, true);
      await store.migrate();
      await createdTask(store);
      const found = modes(dir);
      expect(found.filter(([, mode]) => mode !== "600")).toEqual([]);
      expect(found.map(([name]) => name)).toEqual(expect.arrayContaining(all));
      await store.close();
      for (const name of readdirSync(dir)) chmodSync(join(dir, name), 0o644);
    }
  });

  it("keep a mode that lets in a group", async () => {
    const dir = mkdtempSync(join(folder, "group-"));
    const file = join(dir, "tasker.db");
    writeFileSync(file, "");
    chmodSync(file, 0o640);
    const store = await open(file, true);
    await store.migrate();
    expect(modes(dir)[0]).toEqual(["tasker.db", "640"]);
    await store.close();
  });
});

describe("the queue in front of SQLite", () => {
  it("never lets a failing transaction take another's rows along", async () => {
    const { queue, add, all } = queueOn(newFile());
    const failing = (n: number) =>
      queue.add(true, async (connection) => {
        await connection.run("INSERT INTO numbers (n) VALUES (?)", [n]);
        await new Promise((done) => setImmediate(done));
        throw new Error(`no ${n}`);
      });
    const outcomes = await Promise.allSettled([add(1), failing(2), add(3), add(3), failing(4), add(5)]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
    ]);
    expect(await all()).toEqual([1, 3, 5]);
    await Promise.allSettled([failing(6)]);
    expect(await all()).toEqual([1, 3, 5]);
  });

  it("does the others again when a fault has rolled back the whole transaction", async () => {
    const { handle, queue, add, all } = queueOn(newFile());
    const broken = queue.add(true, async (connection) => {
      await connection.run("INSERT INTO numbers (n) VALUES (2)");
      // What a full disk does.
      handle.exec("ROLLBACK");
      throw new Error("disk full");
    });
    const outcomes = await Promise.allSettled([add(1), broken, add(3)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await all()).toEqual([1, 3]);
  });

  it("says nothing is stored before it is", async () => {
    const file = newFile();
    const { add } = queueOn(file);
    const beside = new Libsql(file);
    const count = () => (beside.prepare("SELECT COUNT(*) AS n FROM numbers").get() as { n: number }).n;
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await add(i);
        expect(count()).toBe(50);
      }),
    );
    beside.close();
  });

  it("shows nobody what is not committed", async () => {
    const { queue, all } = queueOn(newFile());
    const slow = queue.add(true, async (connection) => {
      await connection.run("INSERT INTO numbers (n) VALUES (1)");
      await new Promise((done) => setTimeout(done, 20));
      throw new Error("changed my mind");
    });
    const seen = Promise.all([all(), all()]);
    await expect(slow).rejects.toThrow("changed my mind");
    expect(await seen).toEqual([[], []]);
  });

  it("waits for a command that writes beside it, and gives up with a sentence", async () => {
    const file = newFile();
    const store = await open(file);
    await store.migrate();
    const beside = new Libsql(file);
    beside.exec("BEGIN IMMEDIATE");
    await expect(store.tasks.create([newTask()])).rejects.toThrow(StoreUnavailable);
    beside.exec("COMMIT");
    beside.close();
    await createdTask(store);
    await store.close();
    await expect(store.tasks.create([newTask()])).rejects.toThrow(StoreUnavailable);
  });
});

describe("a SQLite file", () => {
  it("is served by one process at a time, whose death frees it, and what was answered is there", async () => {
    const file = newFile();
    const task = newTask();
    const script = `
      const { openStore } = require(${JSON.stringify(resolve("src/store/sql/open.ts"))});
      const { silentLog } = require(${JSON.stringify(resolve("src/log.ts"))});
      (async () => {
        const store = await openStore({ uri: ${JSON.stringify(`sqlite:${file}`)}, poolSize: 1, deadlineMs: 5000, tls: null, log: silentLog });
        await store.migrate();
        await store.tasks.create([${JSON.stringify(task)}]);
        process.stdout.write("stored\\n");
        setInterval(() => {}, 1000);
      })();`;
    const child = spawn(process.execPath, ["--import", "tsx", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(child, "exit");
    await once(child.stdout, "data");
    await expect(open(file)).rejects.toThrow(/Another tasker process serves from .*\.db/);
    const command = await open(file, false);
    expect((await command.tasks.find(task.type, task.id))!.task.id).toBe(task.id);
    await command.close();
    child.kill("SIGKILL");
    await exit;
    const store = await open(file);
    expect(await rowOf(store, task)).toMatchObject({ status: "expected" });
    await store.managers.finish([endOf(await claimed(store, task.id))]);
    await store.close();
    const again = await open(file);
    expect(await rowOf(again, task)).toMatchObject({ status: "succeeded" });
    await again.close();
  });

  it("says when it has no tables yet", async () => {
    const store = await open(newFile());
    await expect(store.tasks.list({ limit: 1 })).rejects.toThrow(/tasker initialize/);
    await store.close();
  });

  it("can be memory", async () => {
    const store: Store = await open(":memory:");
    expect(await store.migrate()).toHaveLength(MIGRATIONS.length);
    const task = await createdTask(store);
    expect((await rowOf(store, task)).status).toBe("expected");
    await store.close();
  });
});

describe("what is said of writes to a file", () => {
  const ATTEMPT = "INSERT INTO numbers (n) VALUES (NULL)";
  const database = () => {
    const { handle } = queueOn(newFile());
    const db = sqliteDatabase(handle, { migrate: async () => [], close: async () => void handle.close() });
    const add = (text: string) => db.write((connection) => connection.run("INSERT INTO texts VALUES (?)", [text]));
    handle.exec("CREATE TABLE texts (text TEXT)");
    return { handle, db, add };
  };

  it.each([
    ["that is full", "max_page_count = 1", "max_page_count = 1000000", "x".repeat(1_000_000)],
    ["that may only be read", "query_only = 1", "query_only = 0", "x"],
  ])("%s is what the last ones have met, though reads go well", async (_what, begin, end, text) => {
    const { handle, db, add } = database();
    await db.checkWrites(ATTEMPT, 1000);
    handle.pragma(begin);
    await expect(add(text)).rejects.toThrow(StoreUnavailable);
    await db.read((connection) => connection.query("SELECT COUNT(*) FROM numbers"));
    await expect(db.checkWrites(ATTEMPT, 1000)).rejects.toThrow(StoreUnavailable);
    await expect(db.checkWrites(null, 1000)).rejects.toThrow(StoreUnavailable);
    handle.pragma(end);
    await add(text);
    await db.checkWrites(ATTEMPT, 1000);
    await db.checkWrites(null, 1000);
    await db.close();
  });

  it("is asked with a small one where none has been made", async () => {
    const { handle, db } = database();
    handle.pragma("query_only = 1");
    await db.read((connection) => connection.query("SELECT COUNT(*) FROM numbers"));
    await db.checkWrites(null, 1000);
    await expect(db.checkWrites(ATTEMPT, 1000)).rejects.toThrow(StoreUnavailable);
    await db.close();
  });

  it("does not count a row that could not be stored", async () => {
    const { db } = database();
    const add = () => db.write((connection) => connection.run("INSERT INTO numbers (n) VALUES (7)"));
    await add();
    await expect(add()).rejects.toThrow(/UNIQUE/);
    await db.checkWrites(null, 1000);
    await db.close();
  });
});
