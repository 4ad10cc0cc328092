import type { Command } from "commander";
import type { TaskType, TaskTypeDetail } from "../../client";
import { formatDuration } from "../../model/duration";
import { writeExact } from "../../model/json/exact-json";
import type { Cell } from "../output";
import { act, type Session, withServer } from "../session";

export function register(program: Command): void {
  const command = program
    .command("types")
    .description("List the task types, or show one with all its settings")
    .argument("[name]", "the type");
  act(withServer(command), types);
}

async function types({ client, out }: Session, name?: string): Promise<void> {
  if (name !== undefined) {
    const type = await client.type(name);
    return out.result({ json: type, ids: [type.name], columns: ["SETTING", "VALUE"], rows: settings(type) });
  }
  const all = await client.types();
  out.result({
    json: { items: all },
    ids: all.map((type) => type.name),
    columns: ["TYPE", "DELIVER", "PERFORMED BY", "ATTEMPTS", "TIMEOUT", "JOBS"],
    rows: all.map((type) => [
      type.name,
      type.single_run ? `${type.deliver}, single run` : type.deliver,
      type.performer,
      type.attempts,
      formatDuration(type.timeout_ms),
      type.jobs.join(","),
    ]),
    none: "No type is configured.",
  });
}

function settings(type: TaskTypeDetail): Cell[][] {
  const time = (ms: number | null) => (ms === null ? "never" : formatDuration(ms));
  const { backoff, open } = type;
  const shown: Array<[keyof TaskType | string, Cell]> = [
    ["name", type.name],
    ["deliver", type.deliver],
    ["performed by", type.performer],
    ["jobs", type.jobs.join(", ")],
    ["endpoints", type.registered.join(", ")],
    ["concurrency", type.concurrency],
    ["priority", type.priority],
    ["attempts", type.attempts],
    ["backoff", `${time(backoff.first_ms)}, ×${backoff.factor}, at most ${time(backoff.max_ms)}`],
    ["timeout", time(type.timeout_ms)],
    ["wait for endpoints", time(type.wait_for_endpoints_timeout_ms)],
    ["expires", time(type.expires_ms)],
    ["keep", time(type.keep_ms)],
    ["single run", String(type.single_run)],
    [
      "open",
      `${open.expected} expected, ${open.received} received, ${open.running} running, ${open.retrying} retrying`,
    ],
    ["payload schema", type.payload_schema ? writeExact(type.payload_schema) : ""],
  ];
  return shown;
}
