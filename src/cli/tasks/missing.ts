import type { Command } from "commander";
import type { TaskFilter, TaskSummary } from "../../client";
import { usage } from "../failure";
import { resolveTask, TASK_ARGUMENT } from "../reference";
import { act, examples, type Session, withServer } from "../session";
import { taskResult } from "./rows";

export function register(program: Command): void {
  const command = program
    .command("missing")
    .description("List the endpoints that have not received a task, or the tasks that an endpoint has not received")
    .argument("[task]", TASK_ARGUMENT)
    .option("-e, --endpoint <name>", "the tasks that this endpoint has not received")
    .addHelpText(
      "after",
      examples("tasker missing app-update/release-42          one name a line", "tasker missing --endpoint db3"),
    );
  act(withServer(command), missing);
}

async function missing(session: Session, text: string | undefined, options: { endpoint?: string }): Promise<void> {
  const { client, out } = session;
  if ((text === undefined) === (options.endpoint === undefined)) {
    throw usage("Name either a task or --endpoint NAME", "tasker missing --help");
  }
  if (options.endpoint !== undefined) {
    const { endpoint } = options;
    const tasks: TaskSummary[] = [];
    const filter: TaskFilter = { endpoint, endpoint_status: ["expected", "missed"], limit: 100 };
    for await (const task of client.list(filter)) tasks.push(task);
    return out.result({ ...taskResult(tasks, { items: tasks }, out.terminal), none: "It has received every task." });
  }
  const ref = await resolveTask(client, text!);
  const { completeness } = await client.get(ref.type, ref.id);
  const names = completeness.missing;
  out.result({
    json: names,
    ids: names,
    columns: ["ENDPOINT"],
    rows: names.map((name) => [name]),
    none: "No endpoint is missing.",
  });
}
