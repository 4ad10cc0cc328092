import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until";
import { makePlace, type Place, type Server, start, startServer, tasker } from "./support";

/** Commands for the server itself: keys, run, config, doctor. */

describe("keys", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test("a key is shown once, opens what its scopes and types allow, and nothing after it is revoked", async () => {
    const made = await server.cli([
      "keys",
      "create",
      "--name",
      "deploy",
      "--scope",
      "submit",
      "--types",
      "echo",
      "--expires",
      "90d",
      "-q",
    ]);
    const key = made.stdout.trim();
    expect(key).toMatch(/^tsk_[0-9a-f]{12}_[0-9a-f]{64}$/);
    const listed = await server.cli(["keys", "list"]);
    expect(listed.stdout).toMatch(/^[0-9a-f]{12}\tdeploy\tsubmit\techo\t/);
    expect(listed.stdout).not.toContain(key.split("_")[2]);

    const env = { TASKER_API_KEY: key };
    await until("the server to ask for keys", async () => (await server.cli(["types"])).code === 6);
    expect((await server.cli(["submit", "echo"], { env })).code).toBe(0);
    expect((await server.cli(["submit", "gate"], { env })).code).toBe(6);
    const forbidden = await server.cli(["list"], { env });
    expect(forbidden.code).toBe(6);
    expect(forbidden.stderr).toContain("read");
    const wrong = await server.cli(["list"], { env: { TASKER_API_KEY: key.replace(/.$/, "x") } });
    expect(wrong.code).toBe(6);
    expect(wrong.stdout + wrong.stderr).not.toContain(key.split("_")[2]!.slice(0, 20));

    const admin = (await server.cli(["keys", "create", "--name", "admin", "--scope", "admin", "-q"])).stdout.trim();
    expect((await server.cli(["keys", "revoke", "deploy"])).code).toBe(0);
    await until("the server to refuse the key", async () => (await server.cli(["submit", "echo"], { env })).code === 6);
    expect((await server.cli(["list"], { env: { TASKER_API_KEY: admin } })).code).toBe(0);
  });

  test.each([
    [["create", "--name", "admin", "--scope", "read"], 8, "already"],
    [["create", "--name", "x", "--scope", "fly"], 2, "is not one of read, submit, operate, admin"],
    [["create", "--scope", "read"], 2, "--name"],
    [["create", "--name", "x", "--scope", "read", "--types", "nope"], 2, "There is no task type"],
    [["revoke", "nope"], 7, "There is no key"],
  ])("%j ends with %d", async (args, code, sentence) => {
    const ended = await server.cli(["keys", ...args]);
    expect([ended.code, ended.stdout]).toEqual([code, ""]);
    expect(ended.stderr).toContain(sentence);
  });
});

describe("without a server", () => {
  let place: Place;
  beforeAll(() => {
    place = makePlace();
  });
  afterAll(() => place.remove());
  const here = (args: string[], env: Record<string, string> = {}) => tasker(args, { cwd: place.folder, env });

  test("run performs a handler and shows what it would have recorded", async () => {
    const good = await here(["run", "echo", "--set", "n=1", "--json"]);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({
      endpoint: "local",
      status: "succeeded",
      result: { at: "local", payload: { n: 1 } },
    });
    expect(good.stderr).toContain("at local");
    const bad = await here(["run", "flaky", "--json"]);
    expect(bad.code).toBe(3);
    expect(JSON.parse(bad.stdout)).toMatchObject({ status: "failed", reason: "error", would_be_retried: true });
  });

  test("run performs every job of a type, and a command", async () => {
    const jobs = await here(["run", "several", "-e", "a", "--json"]);
    expect(JSON.parse(jobs.stdout).jobs).toMatchObject([{ job: "echo" }, { job: "flaky" }]);
    expect(jobs.code).toBe(0);
    const command = await here(["run", "listing", "--json"]);
    expect(command.code).toBe(0);
    expect(JSON.parse(command.stdout).result).toEqual({ n: 1 });
  });

  test("run holds the payload against the schema, and knows the types", async () => {
    expect((await here(["run", "strict"])).stderr).toContain("payload_schema");
    expect((await here(["run", "strict", "--set", "version=1"])).code).toBe(0);
    expect((await here(["run", "nope"])).code).toBe(2);
  });

  test("run ends its handler within its time limit, and at Ctrl-C", async () => {
    const slow = await here(["run", "gate", "--timeout", "200ms", "--json"]);
    expect(slow.code).toBe(3);
    expect(JSON.parse(slow.stdout)).toMatchObject({ status: "failed", reason: "timeout" });
    const running = start(["run", "gate", "--json"], { cwd: place.folder });
    await until("the handler", () => running.stderr().includes("waiting"));
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
  });

  test("config print tells every value and where it comes from, and no password", async () => {
    const file = join(place.folder, "config/other.yaml");
    writeFileSync(
      file,
      'api: { keys: [{ name: ci, key: "0123456789abcdef-secret" }] }\ntask_types: { echo: { attempts: 7 } }\nbroker: { uri: "amqp://tasker:hunter2@127.0.0.1/tasker" }\n',
    );
    const { stdout, code } = await here(["config", "print", "--origin", "--config", file], { TASKER_API_PORT: "4000" });
    expect(code).toBe(0);
    expect(stdout).toContain("api.port\t4000\tTASKER_API_PORT");
    expect(stdout).toMatch(/task_types\.echo\.attempts\t7\t.*other\.yaml:2:/);
    expect(stdout).toContain("task_types.echo.deliver\teach\tdefault");
    expect(stdout).not.toMatch(/hunter2|0123456789abcdef/);
    expect((await here(["config", "check"])).stderr).toContain("valid");
  });

  test("doctor goes through everything and ends with the first trouble's exit code", async () => {
    const { stdout, code } = await here(["doctor", "--json"], { TASKER_URL: "http://127.0.0.1:9" });
    expect(code).toBe(5);
    const { checks } = JSON.parse(stdout) as { checks: Array<{ check: string; state: string }> };
    expect(checks).toContainEqual(expect.objectContaining({ check: "config", state: "ok" }));
    expect(checks).toContainEqual(expect.objectContaining({ check: "database", state: "ok" }));
    expect(checks).toContainEqual(expect.objectContaining({ check: "server", state: "failed" }));
  });
});

test("doctor finds nothing wrong with a server that works, and names an endpoint nobody has seen", async () => {
  const server = await startServer();
  try {
    const { code, stdout } = await server.cli(["doctor"]);
    expect(stdout).toMatch(/^server\tok\tready$/m);
    expect(stdout).toMatch(/^endpoint\twarning\tghost is not seen yet/m);
    expect(code).toBe(0);
  } finally {
    await server.stop();
  }
});
