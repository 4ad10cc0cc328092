import type { Command } from "commander";
import type { ResponseStatus, TaskFilter, TaskStatus, TaskSummary } from "../../client";
import { TASK_STATUSES } from "../../client/types";
import { usage } from "../failure";
import { collect, timeFrom, wholeNumber } from "../input";
import { act, examples, type Session, withServer } from "../session";
import { taskResult } from "./rows";

export interface FilterOptions {
  type?: string;
  status?: string[];
  identifier?: string;
  since?: string;
  until?: string;
}

/** The options that choose tasks, for every command that works on several. */
export function withFilter(command: Command): Command {
  return command
    .option("--type <type>", "tasks of this type")
    .option("-s, --status <statuses>", TASK_STATUSES.join(", "), collect)
    .option("-i, --identifier <text>", "tasks with this identifier")
    .option("--since <time>", "tasks created since then: 1h, or 2030-01-31T12:00:00Z", timeFrom("past"))
    .option("--until <time>", "tasks created before then", timeFrom("past"));
}

export function filterOf(options: FilterOptions): TaskFilter {
  return {
    type: options.type,
    status: options.status as TaskStatus[] | undefined,
    identifier: options.identifier,
    created_after: options.since,
    created_before: options.until,
  };
}

interface ListOptions extends FilterOptions {
  endpoint?: string;
  endpointStatus?: string[];
  limit: number;
}

export function register(program: Command): void {
  const command = withFilter(program.command("list").alias("ls").description("List tasks, newest first"))
    .option("-e, --endpoint <name>", "tasks that expect this endpoint")
    .option("--endpoint-status <statuses>", "with --endpoint: the status there", collect)
    .option("-n, --limit <n>", "at most this many", wholeNumber(1, 1_000_000), 50)
    .addHelpText(
      "after",
      examples(
        "tasker list --status incomplete,failed --since 1h",
        "tasker list --type app-update --quiet | xargs -n 1 tasker cancel",
      ),
    );
  act(withServer(command), list);
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const { client, out } = session;
  if (options.endpointStatus && !options.endpoint) throw usage("--endpoint-status needs --endpoint");
  const filter: TaskFilter = {
    ...filterOf(options),
    endpoint: options.endpoint,
    endpoint_status: options.endpointStatus as ResponseStatus[] | undefined,
    limit: Math.min(100, options.limit),
  };
  const tasks: TaskSummary[] = [];
  let more = false;
  for await (const task of client.list(filter)) {
    more = tasks.length === options.limit;
    if (more) break;
    tasks.push(task);
  }
  out.result(taskResult(tasks, { items: tasks, more }, out.terminal));
  if (more && out.plain) out.say(`There are more; --limit ${options.limit * 2} shows more of them.`);
}
