import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadOptions, loadConfig, loadConfigWithOrigins } from "../../src/config/loading/load";
import { ConfigError } from "../../src/errors";
import { RESERVED_TYPE_NAMES } from "../../src/model/names";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "tasker-config-"));
  mkdirSync(join(cwd, "config"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function problems(text: string, more: LoadOptions = {}): string[] {
  writeFileSync(join(cwd, "config", `${more.mode ?? "embedded"}.config.yaml`), text);
  try {
    loadConfig({ cwd, env: {}, onWarning: () => {}, ...more });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("an error names file, line, column, key, the value found and what is allowed", () => {
  expect(problems("task_types:\n  app-update:\n    timeout: ten minutes\n")).toEqual([
    'config/embedded.config.yaml:3:14: task_types.app-update.timeout: found "ten minutes"; allowed: a duration such as 500ms, 30s, 10m, 2h or 7d, more than 0, at most 24d',
  ]);
});

test("all errors are told at once", () => {
  const found = problems(`
task_types:
  tasks: {}
  BAD: {}
  a: { deliver: all, attempts: 0, timeut: 1s }
api: { port: 70000, max_body: 1tb }
broker: { uri: "http://x" }
log: { level: loud }
`);
  expect(
    found.map((line) =>
      line.replace(/^config\/embedded\.config\.yaml:/, "").replace(/;? (found|allowed|unknown|"|a type's).*/, ""),
    ),
  ).toEqual([
    "3:3: task_types.tasks:",
    "4:3: task_types.BAD:",
    "5:17: task_types.a.deliver:",
    "5:32: task_types.a.attempts:",
    "5:35: task_types.a.timeut:",
    "6:14: api.port:",
    "6:31: api.max_body:",
    "7:16: broker.uri:",
    "8:15: log.level:",
  ]);
});

test("an unknown key is refused with the one that was meant", () => {
  expect(problems("task_types: { a: { timeut: 3s } }\napii: {}")).toEqual([
    expect.stringMatching(
      /:1:20: task_types\.a\.timeut: unknown key; did you mean timeout\? allowed: handler, command/,
    ),
    expect.stringMatching(/:2:1: apii: unknown key; did you mean api\? allowed: handlers, task_types/),
  ]);
});

test.each(RESERVED_TYPE_NAMES)("a type named like the route /%s is refused", (name) => {
  expect(problems(`task_types: { "${name}": {} }`)).toEqual([
    expect.stringContaining(`"${name}" is a path of the HTTP interface`),
  ]);
});

test.each(["Big", "a b", "../x", "-a", "a".repeat(64), "*", "ü"])("a type named %j is refused", (name) => {
  expect(problems(`task_types: { ${JSON.stringify(name)}: {} }`)).toEqual([
    expect.stringContaining("a type's name has"),
  ]);
});

test.each(["__proto__", "constructor", "prototype"])("the key %s is refused wherever it stands", (key) => {
  const found = problems(
    `task_types:\n  a: { payload_schema: { properties: { "${key}": {} } } }\n"${key}": { polluted: true }`,
  );
  expect(found).toHaveLength(2);
  expect(found[1]).toBe(`config/embedded.config.yaml:3:1: ${key}: this key is never allowed`);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("a bad payload schema is an error with its line, and so is a misspelt keyword", () => {
  expect(
    problems("task_types:\n  a:\n    payload_schema: { type: objekt }\n  b:\n    payload_schema: { requried: [x] }"),
  ).toEqual([
    expect.stringMatching(/:3:5: task_types\.a\.payload_schema: it is not a JSON Schema/),
    expect.stringMatching(/:5:5: task_types\.b\.payload_schema: .*requried/),
  ]);
});

test("a host that no call can reach is an error with its line", () => {
  expect(
    problems(
      'task_types:\n  a:\n    http:\n      allow_hosts:\n        - app.internal\n        - "*.example.com"\n        - app.internal:99999',
    ),
  ).toEqual([
    expect.stringMatching(/:6:\d+: task_types\.a\.http\.allow_hosts\[1\]: "\*\.example\.com" is a pattern/),
    expect.stringMatching(/:7:\d+: task_types\.a\.http\.allow_hosts\[2\]: .*1 to 65535/),
  ]);
});

test("a type that may be submitted has to be there", () => {
  expect(problems("task_types:\n  a: { submits: [b, a] }\n")).toEqual([
    expect.stringMatching(/:2:18: task_types\.a\.submits\[0\]: there is no task type b/),
  ]);
});

test("what excludes each other is refused", () => {
  expect(
    problems(
      "task_types:\n  a: { command: [x], http: { allow_hosts: [h] } }\n  b: { env: [X] }\n  c: { legacy_get: true }\n  d: { claim: late, single_run: true }",
    ),
  ).toEqual([
    expect.stringContaining("command and http exclude each other"),
    expect.stringContaining("it belongs to command"),
    expect.stringContaining("single_run: true"),
    expect.stringContaining("never two of its runs at once"),
  ]);
  expect(problems("manager: { endpoint: a, endpoints: [b] }")).toHaveLength(1);
  expect(problems("manager: { heartbeat: 10s, ttl: 11s }")).toEqual([expect.stringContaining("twice the heartbeat")]);
});

test("text that is no YAML is told with its place", () => {
  expect(problems("api: { port: 1\n")).toEqual([
    expect.stringMatching(/^config\/embedded\.config\.yaml:\d+:\d+: this is not YAML: /),
  ]);
  expect(problems("api: {}\napi: {}")).toEqual([
    expect.stringMatching(/:2:1: this is not YAML: Map keys must be unique/),
  ]);
  expect(problems("- a\n- b")).toEqual([expect.stringContaining("the file must be a mapping")]);
  expect(problems("just text")).toEqual([expect.stringContaining("the file must be a mapping")]);
});

test("a file that multiplies itself through aliases is refused", () => {
  const levels = Array.from(
    { length: 10 },
    (_, i) =>
      `k${i}: &k${i} [${Array(9)
        .fill(i ? `*k${i - 1}` : "x")
        .join(",")}]`,
  );
  expect(problems(levels.join("\n"))).toEqual([expect.stringContaining("alias")]);
});

test("a missing file is named, with the folder where it was looked for", () => {
  expect(() => loadConfig({ cwd, env: {} })).toThrow(
    `config/embedded.config.yaml: there is no such file. It was looked for in ${cwd}, because the run mode is embedded.`,
  );
  expect(() => loadConfig({ cwd, env: { TASKER_CONFIG: "no.yaml" } })).toThrow(
    "no.yaml: there is no such file. TASKER_CONFIG",
  );
});

test("passwords are not shown", () => {
  const found = problems(
    'database: { uri: "http://u:s3cr@et@h" }\nbroker: { uri: "u:s3cr@et" }\napi: { keys: [{ name: a, key: s3cret }] }',
  ).join("\n");
  expect(found.match(/\*\*\*/g)).toHaveLength(2);
  expect(found).not.toMatch(/s3cret|s3cr@et@/);
});

describe("production", () => {
  const uris = (database: string, broker: string) => `database: { uri: "${database}" }\nbroker: { uri: "${broker}" }\n`;

  test("refuses guest on a broker elsewhere and well-known secrets", () => {
    expect(
      problems(uris("mysql://t:password@db/t", "amqp://guest:guest@rabbit.example.com"), { mode: "production" }),
    ).toEqual([
      expect.stringMatching(/:2:11: broker\.uri: guest\/guest .* rabbit\.example\.com/),
      expect.stringMatching(/:1:13: database\.uri: its password is a well-known one/),
    ]);
    expect(problems(uris("mysql://t:x8fk2@db/t", "amqp://guest:guest@localhost"), { mode: "production" })).toEqual([]);
    expect(
      problems(uris("mysql://t:password@db/t", "amqp://guest:guest@rabbit.example.com"), { mode: "development" }),
    ).toEqual([]);
  });

  test("warns of a file with passwords that everybody can read", () => {
    const file = join(cwd, "config", "production.config.yaml");
    const load = (mode: number, text: string) => {
      rmSync(file, { force: true });
      writeFileSync(file, text, { mode });
      return loadConfigWithOrigins({ cwd, env: {}, mode: "production" }).warnings;
    };
    const secret = uris("mysql://t:x8fk2@db/t", "amqp://t:x8fk2@h");
    expect(load(0o644, secret)).toEqual([expect.stringContaining("chmod o-r")]);
    expect(load(0o600, secret)).toEqual([]);
    expect(load(0o644, uris("mysql://t@db/t", "amqp://t@h"))).toEqual([]);
  });
});
