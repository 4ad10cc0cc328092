import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TaskerProgram } from "../faults/support/process";
import { createDatabase, createVhost, type Scratch } from "../support/services";
import { until } from "../support/until";
import { world } from "../support/world";

jest.setTimeout(120_000);

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${CALLER}-01`;

interface Span {
  pid: number;
  traceId: string;
  spanId: string;
  parent: string | null;
  name: string;
  attributes: Record<string, unknown>;
  status: { code: number };
}

describe("with an SDK in API, manager and handler (real processes, RabbitMQ and MariaDB)", () => {
  let dir: string;
  let scratch: Scratch[];
  let called: Server;
  const programs: TaskerProgram[] = [];
  let url: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "tasker-tracing-"));
    scratch = await Promise.all([createDatabase("tracing"), createVhost("tracing")]);
    called = createServer((req, res) => res.end(JSON.stringify({ told: req.headers.traceparent })));
    await new Promise<void>((resolve) => void called.listen(0, "127.0.0.1", resolve));
    mkdirSync(join(dir, "handlers"));
    writeFileSync(
      join(dir, "handlers", "module.js"),
      "exports.handleTask = async (payload, context) => { if (payload.fail) throw new Error('no'); return { told: context.traceparent }; };",
    );
    const { port } = called.address() as AddressInfo;
    const config = {
      handlers: join(dir, "handlers"),
      task_types: {
        module: { attempts: 1 },
        inline: { handler: "module", isolation: "inline" },
        shell: { command: ["/bin/sh", "-c", 'printf %s "$TRACEPARENT"'] },
        call: { http: { allow_hosts: [`127.0.0.1:${port}`] } },
      },
      api: { port: 0 },
      manager: { endpoint: "lb-1", spool: join(dir, "spool") },
      database: { uri: scratch[0]!.uri },
      broker: { uri: scratch[1]!.uri, queue_type: "classic" },
    };
    writeFileSync(join(dir, "tasker.yaml"), JSON.stringify(config));
    const env = {
      TASKER_CONFIG: join(dir, "tasker.yaml"),
      TASKER_MODE: "test",
      NODE_OPTIONS: `--require ${join(__dirname, "set-up.cjs")}`,
      SPANS: join(dir, "spans"),
    };
    writeFileSync(env.SPANS, "");
    for (const args of [["api"], ["manager"]]) {
      programs.push(TaskerProgram.start(args, null, env, join(dir, `${args[0]}.log`)));
    }
    await Promise.all(programs.map((program) => program.ready()));
    url = /http:\S+/.exec(programs[0]!.readyLine!)![0];
  });

  afterAll(async () => {
    await Promise.all(programs.map((program) => program.stop()));
    await Promise.all(scratch.map((one) => one.drop()));
    await new Promise((resolve) => called.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });

  const send = async (type: string, payload: object = {}, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/${type}?wait=30`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ identifier: `${type}-${Math.random()}`, payload, endpoints: ["lb-1"] }),
    });
    const task = (await answer.json()) as {
      id: string;
      responses: Array<{ result: { told: string } | null; result_text: string }>;
    };
    return { id: task.id, response: task.responses[0]! };
  };
  const spans = () =>
    readFileSync(join(dir, "spans"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Span);
  /** The spans of a type's one task, by the first word of their names. */
  const path = (type: string, traceId: string, steps: string[]) =>
    until(`${steps} of ${type}`, () => {
      const own = spans().filter((span) => span.name.endsWith(` ${type}`) && span.traceId === traceId);
      const found = Object.fromEntries(own.map((span) => [span.name.split(" ")[0]!, span]));
      return steps.every((step) => found[step]) ? (found as Record<string, Span>) : null;
    });

  test("the caller's trace goes through create, send, process and handle, each below the one before", async () => {
    const { id, response } = await send("module", {}, { traceparent: TRACEPARENT });
    const {
      create,
      send: sent,
      process,
      handle,
    } = await path("module", TRACE, ["create", "send", "process", "handle"]);
    expect([create!.parent, sent!.parent, process!.parent, handle!.parent]).toEqual([
      CALLER,
      create!.spanId,
      create!.spanId,
      process!.spanId,
    ]);
    expect(response.result).toEqual({ told: `00-${TRACE}-${handle!.spanId}-01` });
    expect([create!.attributes["tasker.task_id"], process!.attributes["tasker.task_id"]]).toEqual([id, id]);
    expect([create!.pid, process!.pid]).toEqual(programs.map((program) => program.pid));
    expect(new Set([create!.pid, process!.pid, handle!.pid]).size).toBe(3);
  });

  test("inline handlers, commands and HTTP calls are told of the span they stand below", async () => {
    const inline = await send("inline", {}, { traceparent: TRACEPARENT });
    const { handle } = await path("inline", TRACE, ["handle"]);
    expect(inline.response.result).toEqual({ told: `00-${TRACE}-${handle!.spanId}-01` });

    const shell = await send("shell", {}, { traceparent: TRACEPARENT });
    const ofShell = await path("shell", TRACE, ["process"]);
    expect(JSON.stringify(shell.response)).toContain(`00-${TRACE}-${ofShell.process!.spanId}-01`);

    const { port } = called.address() as AddressInfo;
    const call = await send("call", { url: `http://127.0.0.1:${port}/` }, { traceparent: TRACEPARENT });
    const ofCall = await path("call", TRACE, ["process"]);
    expect(JSON.stringify(call.response)).toContain(`00-${TRACE}-${ofCall.process!.spanId}-01`);
  });

  test("without a trace of the caller's one begins with the task, and a failed attempt is a failed span", async () => {
    const { response } = await send("module", { fail: true });
    expect(response.result).toBeNull();
    const failed = await until("the failed span", () =>
      spans().find((span) => span.name === "process module" && span.traceId !== TRACE),
    );
    expect(failed.status.code).toBe(2);
    const { create } = await path("module", failed.traceId, ["create", "process", "handle"]);
    expect(create!.parent).toBeNull();
  });
});

test("without an SDK the caller's traceparent arrives as it was sent, and nobody is told of a trace that is none", async () => {
  const w = await world("embedded", {
    types: { told: { isolation: "inline" } },
    functions: { told: async (_payload, context) => ({ told: context.traceparent }) },
  });
  await w.manager("lb-1");
  const body = (identifier: string) => ({ identifier, endpoints: ["lb-1"] });
  const result = async (identifier: string, headers: Record<string, string>) =>
    (await w.post("/told?wait=20", body(identifier), headers)).body.responses[0].result;
  expect(await result("with", { traceparent: TRACEPARENT })).toEqual({ told: TRACEPARENT });
  expect(await result("without", {})).toEqual({ told: null });
  expect(await result("broken", { traceparent: "00-xyz" })).toEqual({ told: null });
  await w.close();
});
