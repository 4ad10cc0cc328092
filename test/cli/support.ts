import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The built command line, as it is installed. TASKER_TEST_DIST names a build that lies elsewhere. */
const DIST = resolve(process.env.TASKER_TEST_DIST ?? join(__dirname, "../../dist"));
const MAIN = join(DIST, "src/cli/main.js");

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  ended: Promise<Ended>;
}

export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Standard input; left out: empty. */
  input?: string | Buffer;
}

/** Starts `tasker …` with nothing of this process's own settings. */
export function start(args: readonly string[], options: CliOptions = {}): Running {
  return launch(process.execPath, [MAIN, ...args], options);
}

export function tasker(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}

/** The same on a terminal of 24 lines and 100 columns (util-linux `script`); everything it shows comes as stdout. */
export function onTerminal(args: readonly string[], options: CliOptions = {}): Running {
  const quoted = [process.execPath, MAIN, ...args].map((arg) => `'${arg.replace(/'/g, "'\\''")}'`).join(" ");
  return launch("script", ["-qefc", `stty rows 24 cols 100; exec ${quoted}`, "/dev/null"], options);
}

/** A line of bash in which `tasker` is the built command line. */
export function startShell(line: string, options: CliOptions = {}): Running {
  return launch("bash", ["-c", withTasker(line)], options);
}

export function withTasker(line: string): string {
  return line.replaceAll("tasker ", `'${process.execPath}' '${MAIN}' `);
}

export function shell(line: string, options: CliOptions = {}): Promise<Ended> {
  return startShell(line, options).ended;
}

function launch(program: string, args: readonly string[], options: CliOptions): Running {
  if (!existsSync(MAIN)) throw new Error(`There is no built command line at ${MAIN}: run npm test.`);
  const { PATH, HOME } = process.env;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { PATH, HOME, TERM: "xterm", XDG_CONFIG_HOME: "/nonexistent", ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin!.on("error", () => {});
  if (program !== "script") child.stdin!.end(options.input ?? "");
  const ended = new Promise<Ended>((done, failed) => {
    child.on("error", failed);
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

export interface Place {
  /** A folder with config and handlers, in which `tasker` may be run. */
  folder: string;
  /** A path that a `gate` task waits for. */
  door(name: string): string;
  open(name: string): void;
  remove(): void;
}

const HANDLERS: Record<string, string> = {
  echo: `exports.handleTask = async (payload, context) => { context.log("at " + context.endpoint); return { at: context.endpoint, payload }; };`,
  flaky: `const { existsSync } = require("node:fs");
exports.handleTask = async (payload, context) => {
  if (context.endpoint !== "a" && !(payload.mended && existsSync(payload.mended))) throw new Error("the disk is full");
};`,
  gate: `const { existsSync } = require("node:fs");
exports.handleTask = async (payload, context) => {
  context.log("waiting");
  context.progress(0.5, "half");
  while (!existsSync(payload.door)) {
    context.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  context.log("through");
};`,
  hostile: `exports.handleTask = async (payload, context) => {
  context.log("log \\u001b[31mred\\u001b[0m \\u001b]0;title\\u0007end");
  if (payload.fail) throw new Error("bad \\u001b[2J\\u009b31m thing\\nsecond line");
  return { text: "\\u001b[2Jclear\\u202eevil", "\\u009bkey": 1 };
};`,
};

const CONFIG = (port: number) => `
task_types:
  echo: {}
  flaky: { attempts: 1 }
  gate: { attempts: 1 }
  hostile: { attempts: 1 }
  absent: { handler: echo, endpoints: [ghost], wait_for_endpoints_timeout: 100ms }
  single: { single_run: true, handler: gate }
  several: { jobs: [echo, flaky], attempts: 1 }
  strict: { handler: echo, payload_schema: { type: object, required: [version], properties: { label: { type: string } } } }
  listing: { command: [echo, '{"n": 1}'] }
  printing: { command: [printf, "%s", "{{payload.n}}"] }
api: { port: ${port} }
manager: { endpoints: [a, b] }
database: { uri: "sqlite:data/tasker.db" }
broker: { uri: "embedded:" }
`;

export function makePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "tasker-cli-"));
  for (const name of ["config", "handlers", "doors"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "config/embedded.config.yaml"), CONFIG(0));
  for (const [name, text] of Object.entries(HANDLERS)) writeFileSync(join(folder, `handlers/${name}.js`), text);
  return {
    folder,
    door: (name) => join(folder, "doors", name),
    open: (name) => writeFileSync(join(folder, "doors", name), ""),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Server extends Place {
  url: string;
  /** Runs `tasker …` against this server. */
  cli(args: readonly string[], options?: CliOptions): Promise<Ended>;
  /** The one JSON document that `tasker … --json` writes. */
  json(args: readonly string[]): Promise<Record<string, never>>;
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** `tasker up` as a process of its own, in a folder of its own, on a free port. */
export async function startServer(env: Record<string, string> = {}): Promise<Server> {
  const place = makePlace();
  const up = start(["up"], { cwd: place.folder, env });
  const url = await new Promise<string>((done, failed) => {
    up.child.stdout!.on("data", () => {
      const found = /http:\/\/\S+/.exec(up.stdout())?.[0];
      if (found) done(found);
    });
    void up.ended.then(({ stderr }) => failed(new Error(`The server ended before it was ready: ${stderr}`)));
  });
  const here = { TASKER_URL: url };
  const cli = (args: readonly string[], options: CliOptions = {}) =>
    tasker(args, { cwd: place.folder, ...options, env: { ...here, ...options.env } });
  return {
    ...place,
    url,
    cli,
    env: here,
    async json(args) {
      const ended = await cli([...args, "--json"]);
      return JSON.parse(ended.stdout);
    },
    async stop() {
      up.child.kill("SIGTERM");
      await up.ended;
      place.remove();
    },
  };
}
