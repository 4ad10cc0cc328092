import type { Command } from "commander";
import type { ResponseStatus, RetryRequest } from "../../client";
import { collect } from "../input";
import { act, type Session, withServer } from "../session";
import { chosenTasks, type Several, withSeveral } from "../several";
import { nameOf } from "./rows";

interface RetryOptions extends Several {
  failed?: boolean;
  missing?: boolean;
  cancelled?: boolean;
  endpoint?: string[];
}

export function register(program: Command): void {
  const command = withSeveral(program.command("retry").description("Retry tasks where they did not succeed"))
    .option("--failed", "where they failed")
    .option("--missing", "where they were not received")
    .option("--cancelled", "where they were cancelled")
    .option("-e, --endpoint <names>", "only at these endpoints", collect)
    .addHelpText(
      "after",
      `
Without --failed, --missing, --cancelled or --endpoint: where they failed or were not received.

Examples:
  tasker retry app-update/release-42 --failed
  tasker retry --type app-update --since 1h --status failed,incomplete --dry-run`,
    );
  act(withServer(command), retry);
}

async function retry(session: Session, texts: string[], options: RetryOptions): Promise<void> {
  const { client, out } = session;
  const request = requestOf(options);
  const results: Array<{ type: string; id: string; reopened: string[] }> = [];
  for (const { type, id } of await chosenTasks(session, texts, options)) {
    if (options.dryRun) {
      const reopened: string[] = [];
      for await (const response of client.responses(type, id, { status: request.statuses ?? RETRIABLE, limit: 100 })) {
        if (!request.endpoints || request.endpoints.includes(response.endpoint ?? "*")) reopened.push(nameOf(response));
      }
      results.push({ type, id, reopened });
    } else {
      const { reopened } = await client.retry(type, id, request);
      results.push({ type, id, reopened: reopened.map(nameOf) });
    }
  }
  const rows = results.flatMap(({ type, id, reopened }) => reopened.map((name) => [`${type}/${id}`, name]));
  out.result({
    json: { dry_run: options.dryRun === true, items: results },
    ids: results.filter((result) => result.reopened.length > 0).map((result) => result.id),
    columns: ["TASK", options.dryRun ? "WOULD BE TRIED AGAIN AT" : "TRIED AGAIN AT"],
    rows,
    none: "Nothing is to be tried again.",
  });
}

const RETRIABLE: ResponseStatus[] = ["failed", "missed", "expected"];

function requestOf(options: RetryOptions): RetryRequest {
  const statuses: NonNullable<RetryRequest["statuses"]> = [];
  if (options.failed) statuses.push("failed");
  if (options.missing) statuses.push("missed", "expected");
  if (options.cancelled) statuses.push("cancelled");
  return { endpoints: options.endpoint, statuses: statuses.length > 0 ? statuses : undefined };
}
