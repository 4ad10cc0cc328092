import type { Command } from "commander";
import type { CancelOutcome } from "../../client";
import { collect, duration } from "../input";
import { act, type Session, withServer } from "../session";
import { chosenTasks, type Several, withSeveral } from "../several";
import { allResponses } from "./follow";
import { nameOf } from "./rows";

export function register(program: Command): void {
  const command = withSeveral(program.command("cancel").description("Withdraw what waits and stop what runs"))
    .option("-w, --wait <duration>", "wait at most so long until what runs has really stopped", duration)
    .option("-e, --endpoint <names>", "only at these endpoints", collect)
    .addHelpText(
      "after",
      `
Examples:
  tasker cancel app-update/release-42 --wait 30s
  tasker cancel app-update/release-42 --endpoint web-3 --wait 30s
  tasker cancel --type app-update --status pending,running --dry-run`,
    );
  act(withServer(command), cancel);
}

interface CancelOptions extends Several {
  wait?: number;
  endpoint?: string[];
}

const FINAL = ["succeeded", "failed", "cancelled", "missed"];

async function cancel(session: Session, texts: string[], options: CancelOptions): Promise<void> {
  const { client, out } = session;
  const results: Array<{ type: string; id: string; outcomes: CancelOutcome[] }> = [];
  for await (const { type, id } of chosenTasks(session, texts, options)) {
    const outcomes = options.dryRun
      ? await foreseen(session, type, id, options.endpoint)
      : (await client.cancel(type, id, { waitMs: options.wait, endpoints: options.endpoint })).outcomes;
    results.push({ type, id, outcomes });
  }
  out.result({
    json: { dry_run: options.dryRun === true, items: results },
    ids: results.map((result) => result.id),
    columns: ["TASK", "ENDPOINT", options.dryRun ? "WOULD BE" : "OUTCOME", "STATUS"],
    rows: results.flatMap(({ type, id, outcomes }) =>
      outcomes.map((outcome) => [`${type}/${id}`, nameOf(outcome), outcome.outcome, outcome.status]),
    ),
    none: "Nothing is to be cancelled.",
  });
}

async function foreseen(
  { client }: Session,
  type: string,
  id: string,
  endpoints?: readonly string[],
): Promise<CancelOutcome[]> {
  const all = await allResponses(client, await client.get(type, id));
  const responses = endpoints ? all.filter(({ endpoint }) => endpoints.includes(endpoint ?? "*")) : all;
  return responses.map(({ endpoint, job, status }) => {
    const outcome = FINAL.includes(status) ? "finished" : status === "running" ? "stopping" : "withdrawn";
    return { endpoint, job, outcome, status };
  });
}
