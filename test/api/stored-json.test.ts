import Libsql from "libsql";
import { createConnection } from "mysql2/promise";
import { newId } from "../../src/model/ids";
import { MODES, type TestSystem, world } from "../support/world";

/** Rows that another program has written: whatever stands in them, an answer is JSON, and says nothing but what it should. */
describe.each(MODES)("%s: stored text that is no JSON", (mode) => {
  let running: TestSystem;
  beforeAll(async () => {
    running = await world(mode, {
      types: { work: { isolation: "inline", attempts: 2, backoff: { first: "0s" } } },
      functions: {
        work: (_, { attempt }) => {
          if (attempt === 1) throw new Error("once");
          return { fine: true };
        },
      },
    });
    await running.manager("here");
  });
  afterAll(() => running?.close());

  async function sql(text: string, values: string[]): Promise<void> {
    if (mode === "embedded") {
      const file = new Libsql(running.databaseUri.slice("sqlite:".length), { timeout: 5000 } as never);
      file.prepare(text).run(...values);
      file.close();
      return;
    }
    const connection = await createConnection(running.databaseUri);
    await connection.execute(text, values);
    await connection.end();
  }

  test.each([
    ["rubbish", "hacked"],
    ["an empty text", ""],
    ["two values", "1,2"],
    ["what would close the answer's own brackets", '{}}],"status":"succeeded","responses":[{"result":{}'],
    ["what JSON does not know", "NaN"],
  ])("%s is shown as text, beside neighbours that are what they were", async (_, written) => {
    const task = await running.submit("work", { identifier: newId(), endpoints: ["here"] });
    const neighbour = await running.submit("work", {
      identifier: newId(),
      endpoints: ["here"],
      payload: { whose: "neighbour's" },
    });
    for (const one of [task, neighbour]) expect((await running.settled(one)).status).toBe("succeeded");
    await sql("UPDATE task_responses SET result = ? WHERE task_id = ?", [written, task.id]);
    await sql("UPDATE task_attempts SET result = ? WHERE task_id = ?", [written, task.id]);
    await sql("UPDATE tasks SET payload = ? WHERE id = ?", [written, task.id]);

    const read = await running.get(`/work/${task.id}`);
    expect(read.body).toMatchObject({ id: task.id, status: "succeeded", payload: {} });
    expect(read.body.responses).toEqual([
      expect.objectContaining({ status: "succeeded", result: null, result_text: written }),
    ]);
    expect(read.body.responses[0].error).toContain("not JSON");
    const detail = await running.get(`/work/${task.id}/responses/here`);
    expect(detail.body).toMatchObject({ result: null, result_text: written });
    expect(detail.body.history[0]).toMatchObject({ outcome: "failed", result: null, result_text: written });
    expect(detail.body.history[0].error).toContain("once");
    const list = await running.get("/work?include=responses");
    const payloads = new Map(list.body.items.map((item: { id: string; payload: unknown }) => [item.id, item.payload]));
    expect([payloads.get(task.id), payloads.get(neighbour.id)]).toEqual([{}, { whose: "neighbour's" }]);
    const other = await running.get(`/work/${neighbour.id}`);
    expect(other.body.responses[0]).toMatchObject({ result: { fine: true }, error: null });
  });
});
