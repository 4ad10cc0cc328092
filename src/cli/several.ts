import type { Command } from "commander";
import { usage } from "./failure";
import { type Ref, resolveTask, TASK_ARGUMENT } from "./reference";
import type { Session } from "./session";
import { type FilterOptions, filterOf, withFilter } from "./tasks/list";

/** For commands that change several tasks: named one by one, or all that match a filter. */
export interface Several extends FilterOptions {
  dryRun?: boolean;
}

export function withSeveral(command: Command): Command {
  command.argument("[tasks...]", TASK_ARGUMENT);
  return withFilter(command).option("-n, --dry-run", "only show what would be done");
}

/**
 * All tasks are looked up before the first one is touched, so that a misspelt name changes nothing.
 */
export async function chosenTasks({ client }: Session, texts: readonly string[], options: Several): Promise<Ref[]> {
  const filter = filterOf(options);
  const filtered = Object.values(filter).some((value) => value !== undefined);
  if (texts.length > 0 === filtered) throw usage("Name tasks, or choose them by --type, --status, --since …, not both");
  const refs: Ref[] = [];
  if (filtered) for await (const { type, id } of client.list({ ...filter, limit: 100 })) refs.push({ type, id });
  else for (const text of texts) refs.push(await resolveTask(client, text));
  return refs;
}
