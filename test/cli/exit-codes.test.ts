import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { judge } from "../../src/cli/exit-codes";
import { type Between, between, nobody } from "../client/support";
import { until } from "../support/until";
import { type Server, start, startServer, tasker } from "./support";

let server: Server;
const doors: Between[] = [];
beforeAll(async () => {
  server = await startServer();
});
afterEach(async () => {
  for (const door of doors.splice(0)) await door.close();
});
afterAll(() => server.stop());

/** An address that answers everything with this. */
async function answering(status: number, body: object | string): Promise<string[]> {
  const proxy = await between(server.url, () => ({ answer: { status, headers: { "retry-after": "100" }, body } }));
  doors.push(proxy);
  return ["--url", proxy.url];
}

test("0: done, and all succeeded", async () => {
  expect((await server.cli(["submit", "echo", "--wait"])).code).toBe(0);
  expect((await server.cli(["status", "--help"])).code).toBe(0);
  expect((await server.cli(["--version"])).code).toBe(0);
});

test("1: something unexpected, with a word on where to look", async () => {
  const broken = await server.cli([
    "types",
    ...(await answering(500, { code: "internal", detail: "It broke", request_id: "r-1" })),
  ]);
  expect(broken).toMatchObject({ code: 1, stdout: "" });
  expect(broken.stderr).toContain("error: It broke");
  expect(broken.stderr).toContain("request r-1");
  const other = await server.cli(["types", ...(await answering(200, "a login page"))]);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("something other than tasker");
});

test.each([
  [["submitt", "echo"], "Did you mean submit?"],
  [["submit"], "missing required argument 'type'"],
  [["list", "--limt", "3"], "Did you mean --limit?"],
  [["submit", "echo", "-p", "{x"], "The payload is not JSON"],
  [["submit", "echo", "-p", "[1]"], "The payload must be a JSON object"],
  [["submit", "echo", "-p", "@none.json"], "cannot be read from none.json"],
  [["submit", "echo", "--set", "x"], "is not name=value"],
  [["submit", "echo", "--wait", "soon"], "write a duration"],
  [["submit", "echo", "--priority", "12"], "write a whole number from 0 to 9"],
  [["submit", "echo", "-e", "NO"], "#/endpoints/0"],
  [["submit", "strict"], "#/payload"],
  [["list", "--status", "nope"], "must be one of"],
  [["list", "--since", "yesterday"], "write a time"],
  [["list", "--since", "2030-02-30"], "write a time that exists"],
  [["list", "--until", "2030-01-31T12:00:00"], "write a time that exists"],
  [["submit", "echo", "--delay", "2030-01-31T24:00:00Z"], "write a time that exists"],
  [["submit", "echo", "--delay", "999999999d"], "outside the years 1 to 9999"],
  [["keys", "create", "--name", "x", "--scope", "read", "--expires", "2030-02-30"], "write a time that exists"],
  [["wait", "01a200af", "--require", "some"], "write all, any or a number"],
  [["status", "echo"], "is a type, not a task"],
  [["retry"], "Name tasks"],
  [["completion", "tcsh"], "bash, zsh, fish"],
])("2: %j is not understood, and it is said why", async (args, sentence) => {
  const ended = await server.cli(args);
  expect([ended.code, ended.stdout]).toEqual([2, ""]);
  expect(ended.stderr).toContain(sentence);
});

test("3: finished, but not everywhere with success", async () => {
  expect((await server.cli(["submit", "flaky", "--wait"])).code).toBe(3);
  expect((await server.cli(["submit", "several", "--wait"])).code).toBe(3);
});

test("4: an endpoint has not answered", async () => {
  const { code, stderr } = await server.cli(["submit", "absent", "-e", "ghost", "--wait"]);
  expect(code).toBe(4);
  expect(stderr).toContain("missing: ghost");
});

test("5: nobody answers there, or the server cannot do it now", async () => {
  const url = await nobody();
  const lost = await server.cli(["submit", "echo", "--url", url]);
  expect(lost).toMatchObject({ code: 5, stdout: "" });
  expect(lost.stderr).toContain(`No answer from ${url}`);
  expect(lost.stderr).toMatch(/--identifier [0-9a-f-]{36}/);
  const busy = await server.cli([
    "submit",
    "echo",
    ...(await answering(503, { code: "database_unavailable", detail: "No database" })),
  ]);
  expect(busy.code).toBe(5);
});

test("5: a server that is lost while watching is said to be so, with the way back", async () => {
  const door = server.door("lost");
  let lost = false;
  const fate = () => (lost ? { cutAnswer: true } : {});
  const proxy = await between(server.url, fate);
  const args = ["submit", "gate", "--set", `door=${door}`, "--wait"];
  const watching = start(args, { env: { TASKER_URL: proxy.url } });
  await until("the watch", () => watching.stderr().includes("running"));
  lost = true;
  await proxy.close();
  const { code, stderr } = await watching.ended;
  expect(code).toBe(5);
  expect(stderr).toMatch(/Watch it again with: tasker status gate\/[0-9a-f-]{36} --watch/);
  server.open("lost");
});

test("7: no such type, task, endpoint or context", async () => {
  const unknown = await server.cli(["submit", "nope"]);
  expect(unknown.code).toBe(7);
  expect(unknown.stderr).toContain("tasker types");
  expect((await server.cli(["status", "echo/none"])).code).toBe(7);
  expect((await server.cli(["status", "01a200af"])).code).toBe(7);
  expect((await server.cli(["endpoints", "nope"])).code).toBe(7);
});

test("8: an identifier that belongs to another request names the task that has it", async () => {
  const id = (await server.cli(["submit", "echo", "-i", "taken", "-q"])).stdout.trim();
  const { code, stderr } = await server.cli(["submit", "echo", "-i", "taken", "--set", "n=2"]);
  expect(code).toBe(8);
  expect(stderr).toContain(`tasker status echo/${id}`);
});

test("9: a config that is not valid, with every fault; a context that is not known", async () => {
  const file = join(server.folder, "bad.yaml");
  writeFileSync(file, "api: { prot: 1, port: x }\n");
  const { code, stderr } = await server.cli(["config", "check", "--config", file]);
  expect(code).toBe(9);
  expect(stderr).toContain("prot");
  expect(stderr).toContain("api.port");
  expect((await server.cli(["list", "--context", "nope"])).code).toBe(9);
  expect((await tasker(["list"], { env: { TASKER_URL: "ftp://x" } })).code).toBe(9);
  const secret = await tasker(["list"], { env: { TASKER_URL: "http://user:hunter2@127.0.0.1" } });
  expect(secret.code).toBe(9);
  expect(secret.stderr).not.toContain("hunter2");
});

test("130: Ctrl-C leaves a watched task alone, says how to go on, and the task goes on", async () => {
  const door = server.door("watched");
  const task = (await server.cli(["submit", "gate", "--set", `door=${door}`, "-q"])).stdout.trim();
  const watching = start(["status", task, "--watch"], { env: server.env });
  await until("the watch", () => watching.stderr().includes("running"));
  watching.child.kill("SIGINT");
  const { code, stderr } = await watching.ended;
  expect(code).toBe(130);
  expect(stderr).toContain(`tasker status gate/${task} --watch`);
  server.open("watched");
  expect((await server.cli(["wait", task])).code).toBe(0);
});

test("a requirement is met, lost or open by the numbers alone", () => {
  const counts = {
    expected: 4,
    received: 3,
    running: 1,
    succeeded: 1,
    failed: 1,
    cancelled: 0,
    missing: ["d"],
    complete: false,
  };
  expect(judge(counts, "any")).toBe("met");
  expect(judge(counts, 3)).toBe("open");
  expect(judge(counts, "all")).toBe("lost");
  expect(judge({ ...counts, complete: true }, 2)).toBe("lost");
});
