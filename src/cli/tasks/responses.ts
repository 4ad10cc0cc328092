import type { Command } from "commander";
import type { JobsResponse, ResponseStatus, TaskResponse, TaskResponseDetail } from "../../client";
import { RESPONSE_STATUSES } from "../../client/types";
import { writeExact } from "../../model/json/exact-json";
import { collect } from "../input";
import { type Ref, resolveTask, TASK_ARGUMENT } from "../reference";
import { act, examples, type Session, withServer } from "../session";
import { nameOf, RESPONSE_COLUMNS, responseRow, statusCell } from "./rows";

interface ResponsesOptions {
  status?: string[];
  endpoint?: string;
  job?: string;
}

export function register(program: Command): void {
  const command = program
    .command("responses")
    .description("Show what the endpoints answered; with --endpoint every attempt there")
    .argument("<task>", TASK_ARGUMENT)
    .option("-s, --status <statuses>", RESPONSE_STATUSES.join(", "), collect)
    .option("-e, --endpoint <name>", "the full answer of one endpoint, with its attempts")
    .option("--job <name>", "with --endpoint: one of several jobs")
    .addHelpText(
      "after",
      examples(
        "tasker responses app-update/release-42 --status failed",
        "tasker responses 0191f3a2 --endpoint db3 --json",
      ),
    );
  act(withServer(command), responses);
}

async function responses(session: Session, text: string, options: ResponsesOptions): Promise<void> {
  const { client, out } = session;
  const ref = await resolveTask(client, text);
  if (options.endpoint !== undefined) return oneEndpoint(session, ref, options.endpoint, options.job);
  const all: TaskResponse[] = [];
  const filter = { status: options.status as ResponseStatus[] | undefined, limit: 100 };
  for await (const response of client.responses(ref.type, ref.id, filter)) all.push(response);
  out.result({
    json: { items: all },
    ids: all.map(nameOf),
    columns: RESPONSE_COLUMNS,
    rows: all.map(responseRow),
    none: "No response matches.",
  });
}

async function oneEndpoint({ client, out }: Session, ref: Ref, endpoint: string, job?: string): Promise<void> {
  const response = await client.response(ref.type, ref.id, endpoint, { job });
  const rows = detailsOf(response).flatMap((detail) =>
    detail.history.map((attempt) => [
      nameOf(detail),
      `${attempt.generation}.${attempt.attempt}`,
      attempt.outcome === "succeeded" || attempt.outcome === "failed" ? statusCell(attempt.outcome) : attempt.outcome,
      attempt.started_at,
      attempt.finished_at,
      attempt.reason
        ? `${attempt.reason}: ${attempt.error ?? ""}`
        : (attempt.result_text ?? writeExact(attempt.result)),
    ]),
  );
  out.result({
    json: response,
    ids: [endpoint],
    head: [`${endpoint}  ${response.status}`],
    columns: ["ENDPOINT", "ATTEMPT", "OUTCOME", "STARTED", "FINISHED", "ANSWER"],
    rows,
    none: "It has not been attempted there yet.",
  });
}

function detailsOf(response: TaskResponseDetail | JobsResponse): TaskResponseDetail[] {
  return "jobs" in response ? response.jobs : [response];
}
