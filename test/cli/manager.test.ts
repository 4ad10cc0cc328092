import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until";
import { type TestSystem, world } from "../support/world";
import { type Ended, type Running, start } from "./support";

/** `tasker manager` as a process of its own, on a real broker and database. */

const TYPES = { deploy: { command: ["true"] }, other: { command: ["true"] } };

let w: TestSystem;
let manager: Running | null = null;
const folder = () => join(w.dir, "manager");
beforeAll(async () => {
  w = await world("wire", { types: TYPES });
  mkdirSync(folder());
});
afterEach(() => manager?.child.kill("SIGKILL"));
afterAll(() => w?.close());

test.each([
  ["all types of the config", undefined, "deploy, other"],
  ["the types that manager.types leaves it", ["deploy"], "deploy"],
  ["that none are left", [], "it serves no types"],
  ["only types that there are", ["other", "former"], "other"],
] as const)("the ready line names what the manager serves: %s", async (_what, types, said) => {
  const file = join(folder(), "config.yaml");
  writeFileSync(
    file,
    JSON.stringify({
      task_types: TYPES,
      database: { uri: w.databaseUri },
      broker: { uri: w.brokerUri, queue_type: "classic" },
      manager: { types, port: 0 },
    }),
  );
  const env = { TASKER_CONFIG: file };
  const running = start(["manager", "--endpoint", "lb-1"], { cwd: folder(), env });
  manager = running;
  let end: Ended | null = null;
  void running.ended.then((ended) => {
    end = ended;
  });
  const ready = await until("the ready line", () => {
    if (end) throw new Error(`The manager ended before it was ready: ${end.stderr}`);
    return running.stdout().endsWith("\n") && running.stdout();
  });
  expect(ready).toBe(`tasker manager is ready at endpoint lb-1 (${said})\n`);
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});
