import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import { createTasker } from "../src/library";
import { createDatabase } from "./support/services";
import { ROOT } from "./support/sources";
import { until } from "./support/until";

/** docs/library.md says what it says because it was run. */

const page = readFileSync(join(ROOT, "docs/library.md"), "utf8");
const block = (language: string) => new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)![1]!;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tasker-library-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the example runs as a program of its own against the built package, and sends the mail once", async () => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/tasker"));
  writeFileSync(join(folder, "example.mjs"), block("js"));
  const run = async () => {
    const { PATH, HOME } = process.env;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["example.mjs"], {
      cwd: folder,
      env: { PATH, HOME },
      timeout: 25_000,
    });
    expect(stderr).toBe("");
    return stdout;
  };
  const first = await run();
  expect(first).toContain("sending to ann@example.org, attempt 1\nsucceeded { sent: 'ann@example.org' }\n");
  expect(first).toContain("succeeded: 1");
  const second = await run();
  expect(second).not.toContain("sending");
  expect(second).toContain("succeeded { sent: 'ann@example.org' }\n");
});

test("the documented statement makes a task, in whatever language it is sent", async () => {
  const database = await createDatabase("library");
  const ran: unknown[] = [];
  const tasker = await createTasker({
    config: {
      task_types: { "send-mail": { deliver: "one" } },
      database: { uri: database.uri },
      manager: { endpoint: "here", spool: join(folder, "spool") },
    },
    api: false,
    handlers: { "send-mail": async (payload) => void ran.push(payload) },
    logLevel: "silent",
  });
  expect(tasker.url).toBeNull();
  const connection = await createConnection(database.uri);
  await connection.query(block("sql"));
  await connection.end();
  const done = await until("the mail to be sent", async () => {
    const { items } = await tasker.tasks.list({ type: "send-mail", identifier: "order-4711", limit: 1 });
    return items[0]?.state.status === "succeeded" ? items[0] : null;
  });
  expect(done.task.createdBy).toBeNull();
  expect(ran).toEqual([{ to: "ann@example.org" }]);
  await tasker.close();
  await database.drop();
});

test("what runs is finished by close, and what waits is there at the next start", async () => {
  const ran: string[] = [];
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const open = () =>
    createTasker({
      config: {
        task_types: { work: { deliver: "one", concurrency: 1 } },
        manager: { endpoint: "here", spool: join(folder, "spool") },
        database: { uri: `sqlite:${join(folder, "kept.db")}` },
      },
      api: false,
      handlers: {
        work: async (_payload, context) => {
          ran.push(`${context.identifier} begun`);
          await gate;
          ran.push(`${context.identifier} done`);
        },
      },
    });
  const first = await open();
  const tasks = [];
  for (const identifier of ["one", "two"]) tasks.push((await first.submit("work", { identifier })).task);
  await until("the first to run", () => ran.length === 1);
  const closed = first.close();
  letGo();
  await closed;
  expect(ran).toEqual(["one begun", "one done"]);
  const second = await open();
  const done = await second.wait("work", tasks[1]!.id);
  expect(done.state.status).toBe("succeeded");
  expect((await second.wait("work", tasks[0]!.id)).state.status).toBe("succeeded");
  expect(ran).toEqual(["one begun", "one done", "two begun", "two done"]);
  await second.close();
});
