import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { management, managementServer } from "../support/services";
import { type TestSystem, world } from "../support/world";
import { tasker } from "./support";

/** What `doctor` says about the queues of a real RabbitMQ. */

const TYPES = { work: { endpoints: ["a", "later"] }, "app.pick": { deliver: "one" } };

let w: TestSystem;
let vhost: string;
let config: string;
const folder = () => join(w.dir, "doctor");
const limited = `tasker-doctor-${process.pid}`;

const declare = (name: string, more: object = {}) =>
  management("PUT", `queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`, { durable: true, ...more });

beforeAll(async () => {
  w = await world("wire", { types: TYPES, functions: { work: async () => null, "app.pick": async () => null } });
  vhost = decodeURIComponent(new URL(w.brokerUri).pathname.slice(1));
  await declare("tasker.work.b", { arguments: { "x-queue-type": "classic", "x-message-ttl": 60_000 } });
  await declare("tasker.work.c", { arguments: { "x-queue-type": "quorum" } });
  for (const endpoint of ["a", "b", "c"]) await w.manager(endpoint);
  for (const name of ["tasker.gone.a", "tasker.app~pick.a", "tasker.work", "tasker.work.nobody", "billing"]) {
    await declare(name);
  }
  await management("PUT", `users/${limited}`, { password: "little", tags: "" });
  config = configFile("config.yaml", "rabbitmq", managementServer());
});
afterAll(async () => {
  await management("DELETE", `users/${limited}`);
  await w?.close();
});

function configFile(name: string, as: string | null, uri: string, types: object = TYPES): string {
  const { username, password, origin } = new URL(uri);
  const admin = as === null ? {} : { rabbitmq: { management_uri: origin, user: username, password } };
  mkdirSync(folder(), { recursive: true });
  const file = join(folder(), name);
  writeFileSync(
    file,
    JSON.stringify({
      task_types: types,
      database: { uri: w.databaseUri },
      broker: { uri: w.brokerUri, queue_type: "classic" },
      manager: { endpoint: "a" },
      ...admin,
    }),
  );
  return file;
}

interface Check {
  check: string;
  state: string;
  detail: string;
}

async function doctor(file: string, url = w.url): Promise<{ code: number | null; queues: Check[]; all: Check[] }> {
  const ended = await tasker(["doctor", "--json", "--config", file], { cwd: folder(), env: { TASKER_URL: url } });
  const { checks } = JSON.parse(ended.stdout) as { checks: Check[] };
  return { code: ended.code, all: checks, queues: checks.filter(({ check }) => check.startsWith("queue")) };
}

test("queues that are declared in another way and queues of nobody are named, with what to do", async () => {
  const { code, queues } = await doctor(config);
  const about = (name: string) =>
    queues.filter(({ detail }) => detail.startsWith(`${name}: `)).map((one) => one.detail);
  expect(about("tasker.work.b")[0]).toMatch(/^tasker\.work\.b: it has x-message-ttl=60000\..*rabbitmqctl delete_queue/);
  expect(about("tasker.work.c")[0]).toMatch(/it is a quorum queue, not a classic one/);
  expect(about("tasker.gone.a")[0]).toMatch(/orphaned \(no type of that name is configured\); 0 messages, 0 consumers/);
  expect(about("tasker.app~pick.a")[0]).toMatch(/app\.pick is delivered to one, and has no queues of endpoints/);
  expect(about("tasker.work")[0]).toMatch(/work is delivered to each, and has no shared queue/);
  expect(about("tasker.work.nobody")[0]).toMatch(/no endpoint nobody is configured or registered/);
  expect(about("billing")[0]).toMatch(/not named as tasker's are/);
  expect(queues).toHaveLength(8);
  expect(queues[0]!.detail).toMatch(/^\d+ of \d+ in vhost .* are as the config declares them$/);
  expect(code).toBe(0);
});

test("queues of what is open are somebody's, whatever the config says of its type by now", async () => {
  await w.submit("work", { identifier: "open", endpoints: ["later"] });
  const fewer = configFile("fewer.yaml", "rabbitmq", managementServer(), { "app.pick": { deliver: "one" } });
  const { queues, all } = await doctor(fewer);
  const said = queues.map(({ detail }) => detail).join("\n");
  expect(said).not.toMatch(/tasker\.work\.(a|later): orphaned/);
  expect(said).toContain("tasker.work.nobody: orphaned");
  expect(all.find(({ check }) => check === "types")!.detail).toBe(
    "1 response is open of types that the config no longer has (work): nobody performs them",
  );
  // The other kind of delivery, with a task of the former kind open.
  const shared = configFile("shared.yaml", "rabbitmq", managementServer(), { ...TYPES, work: { deliver: "one" } });
  const other = (await doctor(shared)).queues.map(({ detail }) => detail).join("\n");
  expect(other).not.toMatch(/tasker\.work\.(a|later): orphaned/);
});

test("who may not look is told so, and nothing fails for it", async () => {
  const { host } = new URL(managementServer());
  const without = await doctor(configFile("without.yaml", null, managementServer()));
  expect(without.queues).toHaveLength(1);
  expect(without.queues[0]!.detail).toMatch(/could not be looked at: that takes `rabbitmq:` in the config/);
  const little = await doctor(configFile("little.yaml", "rabbitmq", `http://${limited}:little@${host}`));
  expect(little.queues).toHaveLength(1);
  expect(little.queues[0]!.detail).toMatch(/could not be looked at: .* or the user lacks the tag management/);
  expect([without.code, little.code]).toEqual([0, 0]);
});

test("without the server it does not call a registered endpoint's queue an orphan", async () => {
  const { code, queues } = await doctor(config, "http://127.0.0.1:9");
  const said = queues.map(({ detail }) => detail).join("\n");
  expect(said).toContain("tasker.gone.a: orphaned");
  expect(said).not.toContain("tasker.work.nobody");
  expect(said).toContain("which endpoints have registered is not known without the server");
  expect(code).toBe(5);
});
