import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection, type ResultSetHeader } from "mysql2/promise";
import { until } from "../support/until";
import { type TestSystem, world } from "../support/world";

/** The statements of docs/how-to/endpoint.py, by their names; `%s` is MySQL's `?`. */
const program = readFileSync(join(__dirname, "../../docs/how-to/endpoint.py"), "utf8");
const SQL = Object.fromEntries(
  [...program.matchAll(/^(\w+_SQL) = """([\s\S]*?)"""/gm)].map(([, name, text]) => [
    name!,
    text!.replaceAll("%s", "?"),
  ]),
);

describe("the statements of the endpoint in Python", () => {
  let w: TestSystem;
  let run: (name: string, ...values: unknown[]) => Promise<number>;
  let close: () => Promise<void>;
  const id = randomUUID();

  beforeAll(async () => {
    w = await world("wire", { types: { greet: { attempts: 2 } } });
    const database = await createConnection({ uri: w.databaseUri });
    close = () => database.end();
    run = async (name, ...values) => {
      const [answer] = await database.query(SQL[name]!, values);
      return (answer as ResultSetHeader).affectedRows ?? (answer as unknown[]).length;
    };
  });
  afterAll(async () => {
    await close();
    await w.close();
  });

  const task = async (identifier: string) => {
    const { id } = await w.submit("greet", { identifier, endpoints: ["py-1"] });
    return [id, "py-1", ""] as const;
  };
  const response = async (taskId: string) => (await w.get(`/greet/${taskId}/responses/py-1`)).body;

  test("register it, and keep it alive", async () => {
    const [early] = await task("early");
    await run("ENDPOINT_SQL", "py-1");
    await run("TYPE_SQL", "greet", "py-1");
    await run("MANAGER_SQL", id, "py-1", "testhost", 1, "python-1", 30_000);
    expect(await run("WAITING_SQL", "py-1", "greet")).toBe(1);
    expect(await run("HEARTBEAT_SQL", id)).toBe(1);
    const { body } = await w.get("/endpoints/py-1");
    expect([body.alive, body.types]).toEqual([true, ["greet"]]);
    expect((await response(early)).status).toBe("expected");
  });

  test("perform a task, once: a second claim and a foreign lease change nothing", async () => {
    const key = await task("good");
    const lease = randomUUID();
    expect(await run("CLAIM_SQL", lease, id, "py-1", ...key, "greet", 1, id)).toBe(1);
    expect(await run("CLAIM_SQL", randomUUID(), id, "py-1", ...key, "greet", 1, id)).toBe(0);
    expect(await run("PAYLOAD_SQL", ...key)).toBe(1);
    expect(await run("FINISH_SQL", "succeeded", null, null, '"stolen"', ...key, randomUUID())).toBe(0);
    expect(await run("FINISH_SQL", "succeeded", null, null, '{"text":"Hello"}', ...key, lease)).toBe(1);
    expect(await response(key[0])).toMatchObject({
      status: "succeeded",
      progress: 1,
      result: { text: "Hello" },
      attempt: 1,
    });
    const settled = await w.settled({ type: "greet", id: key[0] });
    expect([settled.status, settled.settled]).toEqual(["succeeded", true]);
  });

  test("fail an attempt, be offered the next, and fail for good", async () => {
    const key = await task("bad");
    const first = randomUUID();
    expect(await run("CLAIM_SQL", first, id, "py-1", ...key, "greet", 0, id)).toBe(0);
    expect(await run("CLAIM_SQL", first, id, "py-1", ...key, "greet", 1, randomUUID())).toBe(0);
    expect(await run("CLAIM_SQL", first, id, "py-1", ...key, "greet", 1, id)).toBe(1);
    expect(await run("ATTEMPT_SQL", "no", ...key, first)).toBe(1);
    expect(await run("RETRY_SQL", "no", ...key, first)).toBe(1);
    expect((await response(key[0])).status).toBe("retrying");
    const second = randomUUID();
    await until(
      "the second attempt to be due",
      async () => (await run("CLAIM_SQL", second, id, "py-1", ...key, "greet", 1, id)) === 1,
    );
    expect(await run("FINISH_SQL", "failed", "error", "no", null, ...key, second)).toBe(1);
    const { status, attempt, history } = await response(key[0]);
    expect([status, attempt, history.map((one: { outcome: string }) => one.outcome)]).toEqual([
      "failed",
      2,
      ["failed", "failed"],
    ]);
  });

  test("leave", async () => {
    expect(await run("LEAVE_SQL", id)).toBe(1);
    expect((await w.get("/endpoints/py-1")).body.alive).toBe(false);
  });

  test("no statement of the program is left untried", () => {
    const tried = readFileSync(__filename, "utf8");
    for (const name of Object.keys(SQL)) expect([name, tried.includes(`"${name}"`)]).toEqual([name, true]);
    expect(Object.keys(SQL).length).toBeGreaterThan(8);
  });
});
