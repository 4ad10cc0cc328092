import { cycles, type Source, sources } from "./support/sources";

/**
 * Who may import whom (docs: src/README.md). The rules are of three kinds: what a part may import of ours (`only`), what it
 * must never import (`never`), and which package belongs to which part alone.
 */

/** Names are files or folders of src/. */
interface Rule {
  of: string;
  only?: readonly string[];
  never?: readonly string[];
  /** Exceptions to `never`. */
  but?: readonly string[];
}

const SEAMS = ["store/store.ts", "transport/transport.ts"];
const PROGRAMS = ["cli", "tasker.ts", "index.ts", "connect.ts"];

const RULES: readonly Rule[] = [
  { of: "errors.ts", only: [] },
  { of: "log.ts", only: [] },
  { of: "backoff.ts", only: [] },
  { of: "model", only: ["model", "errors.ts"] },
  { of: "config", only: ["config", "model", "errors.ts", "log.ts"] },
  { of: "client", only: ["client"] },
  { of: "ui", only: ["ui", "client", "model/json/exact-json.ts"] },
  { of: "store", never: ["transport", "tasks", "api", "manager", "initialize", ...PROGRAMS] },
  { of: "transport", never: ["store", "tasks", "api", "manager", "initialize", ...PROGRAMS] },
  { of: "tasks", never: ["store", "transport", "api", "manager", "initialize", ...PROGRAMS], but: SEAMS },
  { of: "api", never: ["manager", "store", "transport", "initialize", ...PROGRAMS], but: SEAMS },
  { of: "manager", never: ["api", "store", "transport", "initialize", ...PROGRAMS], but: SEAMS },
  {
    of: "recorder",
    never: ["api", "tasks", "manager", "store", "transport", "initialize", ...PROGRAMS],
    but: [...SEAMS, "manager/attempts/outcome.ts"],
  },
  { of: "initialize", never: ["api", "manager", "tasks", "cli"] },
];

/** Implementations of the seams, and who may name them. */
const IMPLEMENTATIONS = ["store", "transport"];
const MAY_NAME_IMPLEMENTATIONS = ["src/connect.ts"];
/** What administers servers is no transport and no store: `initialize` uses it, and `doctor`. */
const ADMINISTRATION = [
  "src/transport/amqp/administration/management.ts",
  "src/transport/amqp/administration/inspect.ts",
  "src/transport/amqp/administration/permissions.ts",
  "src/store/sql/mysql/rights.ts",
  "src/store/sql/mysql/tls.ts",
];

const PACKAGES: Record<string, readonly string[]> = {
  express: ["api"],
  "express-rate-limit": ["api"],
  helmet: ["api"],
  "prom-client": ["api", "manager", "metrics"],
  amqplib: ["transport"],
  typeorm: ["store"],
  libsql: ["store"],
  mysql2: ["store", "initialize"],
  zod: ["config", "api", "tasks", "recorder"],
  yaml: ["config", "cli"],
  commander: ["cli"],
  preact: ["ui"],
  "@preact/signals": ["ui"],
  uplot: ["ui"],
};

const all = sources(["src"]);
const handlers = sources(["handlers"]);

function within(file: string, part: string): boolean {
  return part.endsWith(".ts") ? file === `src/${part}` : file.startsWith(`src/${part}/`);
}

function anyOf(file: string, parts: readonly string[]): boolean {
  return parts.some((part) => within(file, part));
}

/** `from → to` for each import of ours that `isWrong`. */
function offences(from: readonly Source[], isWrong: (to: string, from: string) => boolean): string[] {
  return from.flatMap(({ name, imports }) =>
    imports.flatMap(({ file }) => (file !== null && isWrong(file, name) ? [`${name} → ${file}`] : [])),
  );
}

test("there is something to check", () => {
  expect(all.length).toBeGreaterThan(30);
  expect(all.flatMap((source) => source.imports).length).toBeGreaterThan(100);
});

test.each(RULES)("$of imports only what it may", ({ of, only, never = [], but = [] }) => {
  const from = all.filter((source) => within(source.name, of));
  const found = offences(from, (to) => (only ? !anyOf(to, only) : anyOf(to, never) && !anyOf(to, but)));
  expect(found).toEqual([]);
});

test("only connect.ts knows the implementations of store and transport", () => {
  const outside = all.filter(
    (source) => !anyOf(source.name, IMPLEMENTATIONS) && !MAY_NAME_IMPLEMENTATIONS.includes(source.name),
  );
  const found = offences(
    outside,
    (to) => anyOf(to, IMPLEMENTATIONS) && !anyOf(to, SEAMS) && !ADMINISTRATION.includes(to),
  );
  expect(found).toEqual([]);
});

test.each(Object.entries(PACKAGES))("the package %s is used in its own part only", (name, parts) => {
  const users = all.filter((source) =>
    source.imports.some(({ written }) => written === name || written.startsWith(`${name}/`)),
  );
  expect(users.map((source) => source.name).filter((file) => !anyOf(file, parts))).toEqual([]);
});

test("nothing of the server's imports the web pages", () => {
  const server = all.filter((source) => !within(source.name, "ui"));
  expect(offences(server, (to) => within(to, "ui"))).toEqual([]);
});

test("handlers import nothing of ours but the package", () => {
  const found = offences(handlers, (to) => !to.startsWith("handlers/"));
  expect(found).toEqual([]);
});

test("there is no ring of imports", () => {
  expect(cycles([...all, ...handlers]).map((ring) => ring.join(" → "))).toEqual([]);
});

test("only the config reads the environment", () => {
  const readers = all.filter((source) => /\bprocess\.env\b/.test(source.text)).map((source) => source.name);
  expect(readers.filter((name) => !anyOf(name, ["config", "testing"]))).toEqual([]);
});

test("only the command line ends the process", () => {
  const enders = all.filter((source) => /\bprocess\.(exit|abort)\s*\(/.test(source.text)).map((source) => source.name);
  expect(enders.filter((name) => !anyOf(name, ["cli"]))).toEqual([]);
});

test("no module of the server has a variable that changes: state belongs to an object", () => {
  const server = all.filter((source) => !within(source.name, "ui"));
  const found = server.filter((source) => /^(export )?(let|var) /m.test(source.text));
  expect(found.map((source) => source.name)).toEqual([]);
});

test("no file is longer than 300 lines", () => {
  const long = [...all, ...handlers].filter((source) => source.lines > 300);
  expect(long.map(({ name, lines }) => `${name}: ${lines}`)).toEqual([]);
});

test("a ring is found where there is one", () => {
  const source = (name: string, ...to: string[]): Source => ({
    name,
    text: "",
    lines: 1,
    imports: to.map((file) => ({ file, written: file })),
  });
  expect(cycles([source("a", "b"), source("b", "c"), source("c", "a", "d"), source("d")])).toEqual([
    ["a", "b", "c", "a"],
  ]);
});
