import { until } from "../support/until";
import { type Server, start, startServer } from "./support";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

test("submit prints the task on one line of tabs, which every other command takes", async () => {
  const { code, stdout } = await server.cli(["submit", "echo", "--set", "n=1", "--set", "name=Ann", "-i", "first"]);
  expect(code).toBe(0);
  const [task, identifier] = stdout.trim().split("\t");
  expect(identifier).toBe("first");
  const stored = await server.json(["status", task!]);
  expect(stored).toMatchObject({ identifier: "first", payload: { n: 1, name: "Ann" } });
});

test("submit --wait says on standard error what changes, and prints a line an endpoint", async () => {
  const { code, stdout, stderr } = await server.cli(["submit", "echo", "-p", '{"x":1}', "--wait"]);
  expect(code).toBe(0);
  expect(lines(stdout).map((line) => line.split("\t").slice(0, 2))).toEqual([
    ["a", "succeeded"],
    ["b", "succeeded"],
  ]);
  expect(stderr).toContain("succeeded: 2 of 2 endpoints succeeded");
  expect(stderr).not.toContain("\u001b");
});

test("payloads come from standard input and files, and endpoints are chosen", async () => {
  const piped = await server.cli(["submit", "echo", "-p", "-", "-e", "a", "--json"], { input: '{"from":"stdin"}' });
  expect(JSON.parse(piped.stdout)).toMatchObject({ payload: { from: "stdin" }, endpoints: ["a"] });
  const both = await server.json(["submit", "echo", "-p", "@config/none.json"]).catch(() => null);
  expect(both).toBeNull();
});

test("a task is named by type and id, type and identifier, its id, or the beginning of its id", async () => {
  const id = (await server.cli(["submit", "echo", "-i", "a/b?c d", "-e", "a", "--quiet"])).stdout.trim();
  for (const name of [`echo/${id}`, "echo/a/b?c d", id, id.slice(0, 18), `/echo/${id}`, `${server.url}/echo/${id}`]) {
    expect([name, (await server.cli(["status", name, "--quiet"])).stdout.trim()]).toEqual([name, id]);
  }
  const uuid = "65c2d762-3107-47de-ad7a-7da735a8f059";
  const other = (await server.cli(["submit", "echo", "-i", uuid, "-e", "a", "-q"])).stdout.trim();
  expect((await server.cli(["status", `echo/${uuid}`, "-q"])).stdout.trim()).toBe(other);
});

test("wait ends as soon as enough have succeeded, or can no longer", async () => {
  const door = server.door("wait");
  const task = (await server.cli(["submit", "gate", "--set", `door=${door}`, "-q"])).stdout.trim();
  const over = await server.cli(["wait", task, "--timeout", "100ms"]);
  expect(over.code).toBe(4);
  expect(over.stderr).toContain("Not met (required: all)");
  const waiting = server.cli(["wait", task]);
  server.open("wait");
  expect((await waiting).code).toBe(0);

  const flaky = (await server.cli(["submit", "flaky", "-q"])).stdout.trim();
  expect((await server.cli(["wait", flaky, "--require", "any"])).code).toBe(0);
  expect((await server.cli(["wait", flaky, "--require", "1"])).code).toBe(0);
  expect((await server.cli(["wait", flaky])).code).toBe(3);
  expect((await server.cli(["wait", flaky, "--require", "9"])).code).toBe(3);
});

test("list filters, limits and says when there is more", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 3; n++)
    ids.unshift((await server.cli(["submit", "strict", "--set", "version=1", "-q"])).stdout.trim());
  const all = await server.cli(["list", "--type", "strict", "--since", "1h", "--quiet"]);
  expect(lines(all.stdout)).toEqual(ids);
  const some = await server.cli(["ls", "--type", "strict", "-n", "2"]);
  expect(lines(some.stdout)).toHaveLength(2);
  expect(some.stderr).toContain("There are more");
  expect(await server.json(["list", "--type", "strict", "-n", "2"])).toMatchObject({ more: true });
  expect((await server.cli(["list", "--type", "strict", "--until", "1h"])).stdout).toBe("");
});

test("a number where the type wants a text is refused with how to write it", async () => {
  const { code, stderr } = await server.cli(["submit", "strict", "--set", "version=1", "--set", "label=2.1"]);
  expect(code).toBe(2);
  expect(stderr).toContain(`for a text write --set 'label="2.1"'`);
  expect((await server.cli(["submit", "strict", "--set", "version=1", "--set", 'label="2.1"'])).code).toBe(0);
});

test("missing names endpoints one a line, and what an endpoint has not received", async () => {
  const task = (await server.cli(["submit", "absent", "-e", "ghost,a", "--wait", "-q"])).stdout.trim();
  expect((await server.cli(["missing", task])).stdout).toBe("ghost\n");
  expect((await server.cli(["missing", "--endpoint", "ghost", "-q"])).stdout).toContain(task);
  expect((await server.cli(["missing"])).code).toBe(2);
});

test("responses, every attempt of one, and the log", async () => {
  const task = (await server.cli(["submit", "flaky", "--wait", "-q"])).stdout.trim();
  const failed = await server.cli(["responses", task, "--status", "failed"]);
  expect(failed.stdout).toMatch(/^b\tfailed\t1\/1\t[^\t]+\terror: Error: the disk is full\n$/);
  expect((await server.cli(["responses", task, "--endpoint", "b"])).stdout).toContain("b\t1.1\tfailed");
  expect(await server.json(["responses", task])).toMatchObject({ items: [{ endpoint: "a" }, { endpoint: "b" }] });

  const echo = (await server.cli(["submit", "echo", "-e", "a", "--wait", "-q"])).stdout.trim();
  expect((await server.cli(["log", echo])).stdout).toBe("at a\n");
  expect((await server.cli(["log", task])).stderr).toContain("choose one with --endpoint: a, b");
});

test("a followed log shows lines as they come and ends with the response", async () => {
  const task = (
    await server.cli(["submit", "gate", "--set", `door=${server.door("log")}`, "-e", "a", "-q"])
  ).stdout.trim();
  const following = start(["log", task, "--follow"], { env: server.env });
  await until("the first line", () => following.stdout().includes("waiting"));
  server.open("log");
  expect(await following.ended).toMatchObject({ code: 0, stdout: "waiting\nthrough\n" });
});

test("a followed log ends with 3 when the handler did not succeed, and says how it ended", async () => {
  const task = (await server.cli(["submit", "hostile", "--set", "fail=1", "-e", "a", "-q"])).stdout.trim();
  expect(await server.cli(["log", task, "--follow"])).toMatchObject({ code: 3, stderr: "a: failed (error)\n" });
  expect((await server.cli(["log", task])).code).toBe(0);
});

test("retry shows with --dry-run what it would do, and does it", async () => {
  const mended = server.door("mended");
  const task = (await server.cli(["submit", "flaky", "--set", `mended=${mended}`, "--wait", "-q"])).stdout.trim();
  const dry = await server.cli(["retry", task, "--failed", "--dry-run"]);
  expect(dry.stdout).toBe(`flaky/${task}\tb\n`);
  server.open("mended");
  const done = await server.cli(["retry", task, "--failed"]);
  expect(done.stdout).toBe(`flaky/${task}\tb\n`);
  expect((await server.cli(["wait", task])).code).toBe(0);
  const nothing = await server.cli(["retry", task]);
  expect(nothing).toMatchObject({ code: 0, stdout: "" });
  expect(nothing.stderr).toContain("Nothing is to be tried again.");
});

test("cancel works on named tasks and on all that match, and changes nothing in a dry run", async () => {
  const door = server.door("cancel");
  const ids = [];
  for (const n of [1, 2]) {
    ids.push((await server.cli(["submit", "gate", "--set", `door=${door}`, "-i", `cancel-${n}`, "-q"])).stdout.trim());
  }
  const dry = await server.cli(["cancel", "--type", "gate", "--identifier", "cancel-1", "--dry-run", "-q"]);
  expect(dry.stdout.trim()).toBe(ids[0]);
  expect(await server.json(["status", ids[0]!])).not.toMatchObject({ status: "cancelled" });
  expect((await server.cli(["cancel", ...ids])).code).toBe(0);
  for (const id of ids) expect((await server.cli(["status", id!, "--watch"])).code).toBe(3);
  expect((await server.cli(["cancel"])).code).toBe(2);
  const { responses } = (await server.json(["status", ids[0]!])) as unknown as {
    responses: Array<{ endpoint: string }>;
  };
  const place = responses[0]!.endpoint;
  expect(await server.json(["cancel", ids[0]!, "-e", place])).toMatchObject({
    items: [{ outcomes: [{ endpoint: place, outcome: "finished" }] }],
  });
  expect((await server.cli(["cancel", ids[0]!, "-e", "nobody"])).code).toBe(7);
  expect((await server.cli(["cancel", ids[0]!, "--type", "gate"])).code).toBe(2);
});

test("a single run is meant by its type's name", async () => {
  const started = await fetch(`${server.url}/single/start`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ payload: { door: server.door("single") } }),
  });
  const { id } = (await started.json()) as { id: string };
  expect((await server.cli(["status", "single", "-q"])).stdout.trim()).toBe(id);
  server.open("single");
  expect((await server.cli(["wait", "single"])).code).toBe(0);
});

test("types and endpoints, all or one", async () => {
  expect(lines((await server.cli(["types", "-q"])).stdout)).toContain("several");
  expect((await server.cli(["types", "several"])).stdout).toContain("jobs\techo, flaky");
  expect((await server.cli(["endpoints"])).stdout).toMatch(/^a\talive\t/m);
  expect((await server.cli(["endpoints", "ghost"])).stderr).toContain("tasker manager --endpoint ghost");
});

test("a task with more endpoints than one answer holds is shown whole", async () => {
  const names = Array.from({ length: 120 }, (_, n) => `many-${n}`);
  const task = (await server.cli(["submit", "echo", "-e", names.join(","), "-q"])).stdout.trim();
  expect(lines((await server.cli(["status", task])).stdout)).toHaveLength(120);
  expect(lines((await server.cli(["missing", task])).stdout).sort()).toEqual(names.sort());
  expect(lines((await server.cli(["retry", task, "--missing", "--dry-run"])).stdout)).toHaveLength(120);
});

test("a reader that has seen enough is no error", async () => {
  const listing = start(["list", "--json"], { env: server.env });
  listing.child.stdout!.destroy();
  const { stderr } = await listing.ended;
  expect(stderr).toBe("");
});
