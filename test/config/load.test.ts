import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { configFrom, type LoadOptions, loadConfig, loadConfigWithOrigins } from "../../src/config/loading/load";
import { ConfigError } from "../../src/errors";

const ROOT = resolve(__dirname, "../..");

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "tasker-config-"));
  mkdirSync(join(cwd, "config"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function write(text: string, name = "embedded.config.yaml", mode = 0o600): void {
  writeFileSync(join(cwd, "config", name), text, { mode });
}

function load(text: string, more: LoadOptions = {}) {
  write(text, `${more.mode ?? "embedded"}.config.yaml`);
  return loadConfig({ cwd, env: {}, ...more });
}

function problems(text: string, more: LoadOptions = {}): string[] {
  try {
    load(text, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("the files of this repository", () => {
  test("the embedded one has three sample endpoints and the sample types", () => {
    const config = loadConfig({ cwd: ROOT, env: {} });
    expect(config.manager.endpoints).toEqual(["loadbalancer-1", "loadbalancer-2", "loadbalancer-3"]);
    expect(Object.keys(config.taskTypes)).toEqual(expect.arrayContaining(["noop", "system-report", "app-update"]));
    expect(config.database.uri).toBe(`sqlite:${join(ROOT, "data/tasker.db")}`);
    expect(config.broker.uri).toBe("embedded:");
  });

  test.each(["development", "test", "production"])("the %s one is complete once the secrets are given", (mode) => {
    const env = {
      TASKER_DATABASE_URI: "mysql://tasker:8fbc1@127.0.0.1/tasker",
      TASKER_BROKER_URI: "amqp://tasker:8fbc1@127.0.0.1/tasker",
    };
    const config = loadConfig({ cwd: ROOT, env, mode });
    expect(config.runMode).toBe(mode);
    expect(config.broker.uri).toBe("amqp://tasker:8fbc1@127.0.0.1/tasker");
  });
});

describe("what is left out", () => {
  test("a type named and nothing more has every default of the contract", () => {
    const { noop, sync } = load("task_types: { noop: , sync: { single_run: true } }").taskTypes;
    expect(noop).toEqual({
      name: "noop",
      deliver: "each",
      endpoints: [],
      concurrency: 4,
      timeoutMs: 600_000,
      waitMs: 30_000,
      expiresMs: 7 * 86_400_000,
      keepMs: 30 * 86_400_000,
      attempts: 3,
      backoff: { firstMs: 1000, factor: 2, maxMs: 300_000 },
      isolation: "process",
      reuse: true,
      claim: "first",
      priority: 0,
      payloadSchema: null,
      singleRun: false,
      legacyGet: false,
      jobs: [],
      submits: null,
      performer: { kind: "module", handler: "noop" },
    });
    expect(sync).toMatchObject({ singleRun: true, attempts: 1 });
  });

  test("a type's wait is the API's where it has none of its own", () => {
    const config = load(
      "api: { wait_for_endpoints_timeout: 5s }\ntask_types: { a: {}, b: { wait_for_endpoints_timeout: 1m } }",
    );
    expect([config.taskTypes.a?.waitMs, config.taskTypes.b?.waitMs]).toEqual([5000, 60_000]);
  });

  test("an empty file is a config of defaults", () => {
    expect(load("")).toMatchObject({
      taskTypes: {},
      api: { host: "127.0.0.1", port: 3000 },
      handlersDir: join(cwd, "handlers"),
    });
  });

  test("another mode than embedded must be told where database and broker are", () => {
    expect(problems("api: {}", { mode: "development" })).toEqual([
      expect.stringMatching(
        /^config\/development\.config\.yaml:1:1: database\.uri: found nothing; allowed: mysql:.*TASKER_DATABASE_URI/,
      ),
      expect.stringMatching(/broker\.uri: found nothing/),
    ]);
  });
});

describe("what is given", () => {
  test("durations, sizes and performers are read", () => {
    const config = load(`
task_types:
  a: { timeout: 500ms, keep: never, expires: 2h, backoff: { first: 0s, max: 1m } }
  b: { command: [/bin/true, "--x"], env: [LANG], success_codes: [0, 3], grace: 1s, max_output: 64kb }
  c: { http: { allow_hosts: [app.internal], timeout: 3s } }
  d: { handler: a }
`);
    expect(config.taskTypes.a).toMatchObject({
      timeoutMs: 500,
      keepMs: null,
      expiresMs: 7_200_000,
      backoff: { firstMs: 0, factor: 2, maxMs: 60_000 },
    });
    expect(config.taskTypes.b?.performer).toEqual({
      kind: "command",
      command: ["/bin/true", "--x"],
      successCodes: [0, 3],
      env: ["LANG"],
      cwd: null,
      maxOutputBytes: 65536,
      graceMs: 1000,
    });
    expect(config.taskTypes.c?.performer).toMatchObject({
      kind: "http",
      allowHosts: ["app.internal"],
      timeoutMs: 3000,
    });
    expect(config.taskTypes.d?.performer).toEqual({ kind: "module", handler: "a" });
  });

  test("anchors and merges work", () => {
    const config = load("task_types:\n  a: &a { timeout: 3s }\n  b: { <<: *a, attempts: 9 }");
    expect(config.taskTypes.b).toMatchObject({ timeoutMs: 3000, attempts: 9 });
  });

  test("a key's secret is kept as its digest only", () => {
    const config = load("api: { keys: [{ name: ci, key: 0123456789abcdefXYZ, scopes: [submit] }] }");
    expect(config.api.keys).toEqual([
      { name: "ci", hash: expect.stringMatching(/^[0-9a-f]{64}$/), scopes: ["submit"], types: null },
    ]);
    expect(JSON.stringify(config)).not.toContain("0123456789abcdefXYZ");
  });
});

describe("the environment", () => {
  test("replaces ${NAME} and ${NAME:-default}, in numbers as well", () => {
    const config = load(
      'api: { port: "${P:-4000}", key_in_url: "${K}" }\nhandlers: ${H}/tasks\nmanager: { labels: { a: "$${H}" } }',
      {
        env: { H: "/srv", K: "true" },
      },
    );
    expect(config).toMatchObject({
      api: { port: 4000, keyInUrl: true },
      handlersDir: "/srv/tasks",
      manager: { labels: { a: "${H}" } },
    });
  });

  test("a password of digits stays a text", () => {
    const text = "rabbitmq: { management_uri: 'http://h', user: a, password: \"${P}\" }";
    expect(load(text, { env: { P: "12345678" } }).rabbitmq?.password).toBe("12345678");
  });

  test("a value that is only an unset variable counts as left out", () => {
    expect(load('manager: { endpoint: "${TASKER_ENDPOINT}" }').manager.endpoints).toEqual([]);
  });

  test("an unset variable within a text is an error", () => {
    expect(problems("broker:\n  uri: amqp://a:${PW}@h/v")).toEqual([
      "config/embedded.config.yaml:2:8: the environment variable PW is not set; set it, or give a default: ${PW:-default}",
    ]);
  });

  test("TASKER_ variables override the file", () => {
    const text = "api: { port: 1, host: localhost }\nmanager: { endpoint: x }";
    const env = {
      TASKER_API_PORT: "2",
      TASKER_ENDPOINT: "a, b",
      TASKER_DATABASE_URI: "mysql://h/d",
      TASKER_BROKER_URI: "amqp://h",
    };
    const config = load(text, { env });
    expect(config.api).toMatchObject({ port: 2, host: "localhost" });
    expect(config.manager.endpoints).toEqual(["a", "b"]);
    expect([config.database.uri, config.broker.uri]).toEqual(["mysql://h/d", "amqp://h"]);
  });

  test("a wrong variable is named as such", () => {
    expect(problems("api: { port: 1 }", { env: { TASKER_API_PORT: "web", TASKER_ENDPOINT: "A B" } })).toEqual([
      'TASKER_API_PORT: api.port: found "web"; allowed: a whole number from 0 to 65535',
      expect.stringMatching(/^TASKER_ENDPOINT: manager\.endpoint: found "A B"; allowed: /),
    ]);
  });

  test("TASKER_MODE picks the file, TASKER_CONFIG another one", () => {
    write("api: { port: 7 }", "other.yaml");
    expect(loadConfig({ cwd, env: { TASKER_CONFIG: "config/other.yaml" } })).toMatchObject({
      api: { port: 7 },
      file: join(cwd, "config/other.yaml"),
    });
    expect(() => loadConfig({ cwd, env: { TASKER_MODE: "prod" } })).toThrow(
      'TASKER_MODE: found "prod"; allowed: embedded, development, test, production',
    );
  });

  test("a local file stands over the mode's file", () => {
    write("api: { port: 9 }", "embedded.local.yaml");
    expect(load("api: { port: 1, host: localhost }").api).toMatchObject({ port: 9, host: "localhost" });
  });
});

describe("origins", () => {
  test("say for each value where it comes from", () => {
    write("api:\n  host: localhost\n  port: 1\n");
    const { origin } = loadConfigWithOrigins({ cwd, env: { TASKER_API_PORT: "2" } });
    expect(origin(["api", "host"])).toEqual({ from: "file", where: "config/embedded.config.yaml:2:9" });
    expect(origin(["api", "port"])).toEqual({ from: "env", where: "TASKER_API_PORT" });
    expect(origin(["api", "max_body"])).toEqual({ from: "default", where: null });
  });
});

describe("a config as an object", () => {
  test("obeys the same rules", () => {
    expect(configFrom({ task_types: { a: {} } }, { cwd }).taskTypes.a?.timeoutMs).toBe(600_000);
    expect(() => configFrom({ task_types: { tasks: {} } })).toThrow('"tasks" is a path of the HTTP interface');
  });
});
