import type { Command } from "commander";
import type { CancelOutcome } from "../../client";
import { isFinal } from "../../client/types";
import { collect, duration } from "../input";
import type { Ref } from "../reference";
import { act, examples, type Session, withServer } from "../session";
import { chosenTasks, type Several, withSeveral } from "../several";
import { allResponses } from "./follow";
import { nameOf } from "./rows";

export function register(program: Command): void {
  const command = withSeveral(
    program.command("cancel").description("Cancel tasks: withdraw what waits and stop what runs"),
  )
    .option("-w, --wait <duration>", "wait at most this long until what runs has stopped", duration)
    .option("-e, --endpoint <names>", "only at these endpoints", collect)
    .addHelpText(
      "after",
      examples(
        "tasker cancel app-update/release-42 --wait 30s",
        "tasker cancel app-update/release-42 --endpoint web-3 --wait 30s",
        "tasker cancel --type app-update --status pending,running --dry-run",
      ),
    );
  act(withServer(command), cancel);
}

interface CancelOptions extends Several {
  wait?: number;
  endpoint?: string[];
}

async function cancel(session: Session, texts: string[], options: CancelOptions): Promise<void> {
  const { client, out } = session;
  const results: Array<{ type: string; id: string; outcomes: CancelOutcome[] }> = [];
  for (const { type, id } of await chosenTasks(session, texts, options)) {
    const outcomes = options.dryRun
      ? await foreseen(session, { type, id }, options.endpoint)
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

async function foreseen({ client }: Session, { type, id }: Ref, endpoints?: string[]): Promise<CancelOutcome[]> {
  const all = await allResponses(client, await client.get(type, id));
  const chosen = endpoints ? all.filter(({ endpoint }) => endpoints.includes(endpoint ?? "*")) : all;
  return chosen.map(({ endpoint, job, status }) => {
    const outcome = isFinal(status) ? "finished" : status === "running" ? "stopping" : "withdrawn";
    return { endpoint, job, outcome, status };
  });
}
