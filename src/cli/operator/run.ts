import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { Config, TaskTypeConfig } from "../../config/config";
import type * as Logs from "../../log";
import type * as Choose from "../../manager/runners/choose";
import type { RunResult } from "../../manager/runners/runner";
import { Stop } from "../../manager/runners/stop";
import { parseExact, writeExact } from "../../model/json/exact-json";
import { isName } from "../../model/names";
import { EXIT } from "../exit-codes";
import { usage } from "../failure";
import { collectWhole, duration } from "../input";
import { payloadOf } from "../payload";
import { act, examples, type Session, withOutput } from "../session";
import { cell, cleanText, span } from "../text";
import { configOf, type ServerOptions, typeOf, withConfig } from "./on-server";

interface RunOptions extends ServerOptions {
  payload?: string;
  set?: string[];
  endpoint: string;
  identifier?: string;
  timeout?: number;
}

export function register(program: Command): void {
  const command = program
    .command("run")
    .description("Run a handler here, without queue or database, and show what would have been recorded")
    .argument("<type>", "the task type")
    .option("-p, --payload <json>", "the payload: '{…}', @file.json, or - for standard input")
    .option(
      "--set <name=value>",
      "set one field of the payload, as JSON or else as text; may be repeated",
      collectWhole,
    )
    .option("-e, --endpoint <name>", "the endpoint that the handler sees", "local")
    .option("-i, --identifier <text>", "the identifier that the handler sees")
    .option("--timeout <duration>", "limit of the attempt (default: the type's)", duration)
    .addHelpText("after", examples(`tasker run noop --payload '{"hello": "world"}'`));
  act(withOutput(withConfig(command)), run);
}

async function run(session: Session, name: string, options: RunOptions): Promise<number> {
  const { out } = session;
  const config = configOf(options);
  const type = typeOf(config, name);
  if (!isName(options.endpoint)) throw usage(`${JSON.stringify(options.endpoint)} is not an endpoint's name`);
  const payload = writeExact(payloadOf(options.payload, options.set) ?? {});
  checkPayload(type, payload);

  const task = { id: randomUUID(), identifier: options.identifier ?? randomUUID(), endpoint: options.endpoint };
  const jobs = (type.jobs.length > 0 ? type.jobs : [null]).map((job) => ({ job, stop: new Stop() }));
  const stop = () => {
    if (jobs[0]!.stop.cause !== null) process.exit(EXIT.interrupted);
    out.say("Stopping it; press Ctrl-C again to end at once.");
    for (const job of jobs) job.stop.notify("cancel");
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const records = await Promise.all(
    jobs.map(({ job, stop }) =>
      attempt(session, { config, type, job, payload, task, timeoutMs: options.timeout ?? type.timeoutMs }, stop),
    ),
  );
  process.off("SIGINT", stop);
  process.off("SIGTERM", stop);

  if (out.plain) for (const { error } of records) if (error !== null) out.say(error);
  out.result({
    json: records.length === 1 ? records[0] : { jobs: records },
    ids: records.map((record) => record.status),
    columns: ["FIELD", "VALUE"],
    rows: records.flatMap((record) => Object.entries(record).map(([field, value]) => [field, valueText(value)])),
  });
  if (records.some((record) => record.status === "cancelled")) return EXIT.interrupted;
  return records.every((record) => record.status === "succeeded") ? EXIT.done : EXIT.failedResponses;
}

interface Attempt {
  config: Config;
  type: TaskTypeConfig;
  job: string | null;
  payload: string;
  task: { id: string; identifier: string; endpoint: string };
  timeoutMs: number;
}

async function attempt({ out }: Session, given: Attempt, stop: Stop) {
  const { config, type, job, payload, task, timeoutMs } = given;
  const { createRunner } = require("../../manager/runners/choose") as typeof Choose;
  const { silentLog } = require("../../log") as typeof Logs;
  const { handlersDir, manager } = config;
  const { graceMs, maxResultBytes, maxLogBytes } = manager;
  const runner = createRunner(type, { handlersDir, graceMs, maxResultBytes, maxLogBytes, job, log: silentLog });
  const prefix = job === null ? "" : `${job}: `;
  const started = Date.now();
  const { id: taskId, identifier, endpoint } = task;
  const row = { taskId, type: type.name, identifier, endpoint, performer: endpoint, job: job ?? "", generation: 1 };
  try {
    const result = await runner.run(
      {
        ...{ granted: true, leaseId: randomUUID(), ...row, attempt: 1, attempts: type.attempts },
        ...{ payload, traceparent: null, timeoutMs },
      },
      {
        stop,
        progress: (fraction, message) =>
          out.say(`${prefix}${Math.round(fraction * 100)} %${message ? `  ${cell(message, 200)}` : ""}`),
        log: (text) => process.stderr.write(out.live ? cleanText(text) : text),
        submit: async (other, request) => {
          out.say(`${prefix}it would have submitted ${other} ${cell(JSON.stringify(request), 300)}`);
          return { id: randomUUID() };
        },
      },
    );
    return recordOf(result, endpoint, job, Date.now() - started);
  } finally {
    await runner.close();
  }
}

/** The fields that the response would have. */
function recordOf(result: RunResult, endpoint: string, job: string | null, ms: number) {
  const status = result.kind === "stopped" ? "cancelled" : result.kind;
  const failed = result.kind === "failed" ? result : null;
  const given = result.kind === "stopped" ? { result: null, resultText: null } : result;
  return {
    endpoint,
    job,
    status,
    reason: failed?.reason ?? null,
    error: failed?.error ?? null,
    would_be_retried: failed !== null && !failed.permanent,
    result: given.result === null ? null : parseExact(given.result),
    result_text: given.resultText,
    took: span(ms),
  };
}

function valueText(value: unknown): string | null {
  if (value === null) return null;
  return typeof value === "string" ? value : writeExact(value);
}

function checkPayload(type: TaskTypeConfig, payload: string): void {
  if (!type.payloadSchema) return;
  const { payloadAjv } = require("../../model/json/payload-schema") as typeof import("../../model/json/payload-schema");
  const ajv = payloadAjv({ allErrors: true, strict: false });
  if (ajv.validate(type.payloadSchema, JSON.parse(payload))) return;
  const faults = (ajv.errors ?? []).map((error) => `#/payload${error.instancePath} ${error.message}`);
  throw usage(`The payload does not obey the type's payload_schema: ${faults.join("; ")}`);
}
