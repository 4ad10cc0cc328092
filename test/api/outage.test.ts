import { newId } from "../../src/model/ids";
import { until } from "../support/until";
import { startTestApi } from "./support";

test("while the database is away nothing is answered 2xx, but that the process lives", async () => {
  const t = await startTestApi();
  const task = await t.create();
  await t.store.close();
  const asked: Array<[string, string, unknown?]> = [
    ["POST", "/app-update", { identifier: newId() }],
    ["GET", `/app-update/${task.id}`],
    ["GET", `/app-update/${task.id}?wait=1`],
    ["GET", `/app-update/${task.id}/events`],
    ["GET", "/events"],
    ["GET", "/tasks"],
    ["GET", "/endpoints"],
    ["POST", `/app-update/${task.id}/cancel`],
  ];
  for (const [method, path, body] of asked) {
    const answer = await t.call(method, path, body);
    expect([path, answer.status, answer.body.code]).toEqual([path, 503, "database_unavailable"]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  const batch = await t.call("POST", "/app-update/batch", { tasks: [{ identifier: newId() }] });
  expect(batch.body.results?.[0].status ?? batch.status).toBe(503);
  // Readiness speaks of writes: the reconciler's next one shows it, within a tick.
  const ready = await until("a write has failed", async () => {
    const answer = await t.call("GET", "/readyz");
    return answer.status === 503 ? answer : null;
  });
  expect(ready.body.checks.database.ok).toBe(false);
  expect((await t.call("GET", "/livez")).status).toBe(200);
  await t.stop(true);
});
