import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StoreUnavailable } from "../../../../src/errors";
import { silentLog } from "../../../../src/log";
import { newId } from "../../../../src/model/ids";
import type { NewTask } from "../../../../src/model/task";
import type { Connection, Database } from "../../../../src/store/sql/connection";
import { managerStore, recorderStore } from "../../../../src/store/sql/managers";
import { MysqlDatabase } from "../../../../src/store/sql/mysql/database";
import { openSqlite } from "../../../../src/store/sql/sqlite/open";
import { taskStore } from "../../../../src/store/sql/tasks";
import type { ClaimRequest, ManagerStore, RecorderStore, Store } from "../../../../src/store/store";
import { createDatabase } from "../../../support/services";
import { createdTask, endOf, type Granted, living } from "../../support";

interface Opened {
  db: Database;
  close(): Promise<void>;
}

async function openInFile(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), "tasker-recorder-"));
  const db = await openSqlite(join(folder, "tasker.db"), true);
  const close = async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  };
  return { db, close };
}

async function openOnServer(): Promise<Opened> {
  const scratch = await createDatabase("recorder");
  const db = new MysqlDatabase({ uri: scratch.uri, poolSize: 2, deadlineMs: 10_000, tls: null, log: silentLog });
  const close = async () => {
    await db.close();
    await scratch.drop();
  };
  return { db, close };
}

const COUNT = 250;
const endpoints = Array.from({ length: COUNT }, (_, i) => `lb-${1000 + i}`);

describe.each([
  ["SQLite", openInFile],
  ["MariaDB", openOnServer],
])("reports of many managers on %s", (_, open) => {
  let opened: Opened;
  let store: Store;
  let recorder: RecorderStore;
  let managers: ManagerStore;
  let managerIds: string[];
  /** The texts of the statements that the two have sent. */
  let sent: string[] = [];
  /** The answers of so many calls are lost, after so many that are heard. */
  let deaf = { after: 0, calls: 0 };

  const heard = (connection: Connection): Connection =>
    Object.create(connection, {
      query: { value: (sql: string, values?: []) => listen(sql, connection.query(sql, values)) },
      run: { value: (sql: string, values?: []) => listen(sql, connection.run(sql, values)) },
      prepared: { value: (sql: string, values: []) => listen(sql, connection.prepared(sql, values)) },
    });

  function listen<T>(sql: string, answer: T): T {
    sent.push(sql);
    return answer;
  }

  function listening(db: Database): Database {
    const over = async <T>(call: () => Promise<T>): Promise<T> => {
      const result = await call();
      if (deaf.after-- <= 0 && deaf.calls-- > 0) throw new StoreUnavailable("The answer came too late.");
      return result;
    };
    return Object.create(db, {
      read: { value: (work: (connection: Connection) => unknown) => db.read(async (own) => work(heard(own))) },
      single: { value: (work: (own: Connection) => unknown) => over(() => db.single(async (own) => work(heard(own)))) },
      write: { value: (work: (own: Connection) => unknown) => over(() => db.write(async (own) => work(heard(own)))) },
    });
  }

  beforeAll(async () => {
    opened = await open();
    await opened.db.migrate();
    const db = listening(opened.db);
    [recorder, managers] = [recorderStore(db), managerStore(db)];
    store = { tasks: taskStore(opened.db), managers: managerStore(opened.db) } as Store;
    managerIds = [];
    for (const endpoint of endpoints) managerIds.push(await living(store, { endpoint }));
  });

  afterAll(() => opened.close());

  beforeEach(() => {
    sent = [];
    deaf = { after: 0, calls: 0 };
  });

  function requestsFor(task: NewTask): ClaimRequest[] {
    const row = { version: 1, attempt: 0, attempts: 3, generation: 1, timeoutMs: 60_000 };
    const known = { ...row, identifier: task.identifier, payload: task.payload, traceparent: null };
    return endpoints.map((endpoint, i) => ({
      ...{ managerId: managerIds[i]!, endpoint },
      claims: [{ taskId: task.id, job: "", type: task.type, generation: 1, endpoint, known }],
    }));
  }

  async function granted(requests: readonly ClaimRequest[]): Promise<Granted[]> {
    const results = await recorder.claimAll(requests);
    return results.flatMap((result) => ("lost" in result ? [] : result.answers)) as Granted[];
  }

  test("cost an UPDATE for 200 claims, and a few statements more where a row is not as it was known", async () => {
    const task = await createdTask(store, { endpoints });
    const requests = requestsFor(task);
    expect(await granted(requests.slice(0, 200))).toHaveLength(200);
    expect(sent).toEqual([expect.stringContaining("SET status = 'running', lease_id = ?, manager_id = CASE")]);
    sent = [];
    const other = await createdTask(store, { endpoints });
    await store.managers.received(endpoints[3]!, [{ taskId: other.id, job: "" }]);
    const grants = await granted(requestsFor(other));
    expect(grants.map(({ granted, attempt }) => granted && attempt)).toEqual(endpoints.map(() => 1));
    expect(sent.length).toBeLessThanOrEqual(4);
  });

  test("that one manager makes have the texts that they have by themselves", async () => {
    const [one, two] = [await createdTask(store, { endpoints }), await createdTask(store, { endpoints })];
    await managers.claim(managerIds[0]!, endpoints[0]!, requestsFor(one)[0]!.claims);
    await granted([requestsFor(two)[0]!]);
    expect(sent).toHaveLength(2);
    expect(sent[0]).toBe(sent[1]);
    expect(sent[0]).toContain("lease_id = ?, manager_id = ?, performer = ?,");
    expect(sent[0]).toContain("WHERE ((task_id = ? AND endpoint = ? AND job = ? AND type = ? AND version = ?))");
  });

  test("end one task in one UPDATE, with one value for what is alike", async () => {
    const task = await createdTask(store, { endpoints });
    const grants = await granted(requestsFor(task));
    sent = [];
    const answers = await recorder.finish(grants.map((grant) => endOf(grant)));
    expect(answers).toEqual(grants.map(() => ({ kind: "recorded" })));
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatch(/SET status = \?, reason = \?, error = \?, result = \?, result_text = \?,/);
    expect(sent[0]).toMatch(/WHERE \(\(task_id = \? AND endpoint IN \([^=]*\) AND job = \? AND lease_id = \?\)\)/);
  });

  test("end one task in one UPDATE, where few differ from the others or each has its lease", async () => {
    const task = await createdTask(store, { endpoints });
    const failed = { status: "failed", reason: "error", error: "no", result: null } as const;
    const ends = endpoints.map((endpoint, i) => ({
      ...{ taskId: task.id, endpoint, job: "", leaseId: newId(), generation: 1, attempt: 1 },
      claim: { managerId: managerIds[i]!, performer: endpoint, type: task.type, ranMs: i },
      ...{ status: "succeeded" as const, reason: null, error: null, result: null, resultText: null },
      ...(i % 50 === 0 ? failed : {}),
    }));
    expect(await recorder.finish(ends)).toEqual(ends.map(() => ({ kind: "recorded" })));
    expect(sent).toHaveLength(1);
    const rows = (await store.tasks.find(task.type, task.id))!.responses;
    for (const [i, { status, error, leaseId }] of ends.entries())
      expect(rows[i]).toMatchObject({ status, error, leaseId });
  });

  test("go on in three statements: locked, kept, changed", async () => {
    const task = await createdTask(store, { endpoints });
    const grants = await granted(requestsFor(task));
    sent = [];
    const again = { status: "retrying", retryInMs: 0, reason: "error", error: "once", result: null } as const;
    await recorder.finish(grants.map((grant) => endOf(grant, again)));
    expect(sent.map((text) => text.slice(0, 6))).toEqual(["SELECT", "INSERT", "UPDATE"]);
  });

  test("beat together in one UPDATE, and are read where one is not known", async () => {
    const beats = managerIds.map((managerId, i) => ({ managerId, running: i % 3, draining: false }));
    expect(await recorder.heartbeats(beats)).toEqual(beats.map(() => true));
    expect(sent).toHaveLength(1);
    await recorder.heartbeats([...beats, { managerId: newId(), running: 0, draining: false }]);
    expect(sent.map((text) => text.slice(0, 6))).toEqual(["UPDATE", "UPDATE", "SELECT"]);
  });

  test.each([
    ["all of them", { after: 0, calls: 1 }],
    ["the second part", { after: 1, calls: 1 }],
  ])("are granted again what they were granted, where the answer to %s was lost, and count once", async (_of, lost) => {
    const task = await createdTask(store, { endpoints });
    const requests = requestsFor(task);
    deaf = { ...lost };
    await expect(recorder.claimAll(requests)).rejects.toThrow(StoreUnavailable);
    const grants = await granted(requests);
    const rows = (await store.tasks.find(task.type, task.id))!.responses;
    expect(grants.map(({ granted, attempt, leaseId }) => ({ granted, attempt, leaseId }))).toEqual(
      rows.map(({ leaseId }) => ({ granted: true, attempt: 1, leaseId })),
    );
    const answers = (await recorder.claimAll(requests)).map((result) => "answers" in result && result.answers[0]);
    expect(answers).toMatchObject(requests.map(() => ({ granted: false, why: "held" })));
  });
});
