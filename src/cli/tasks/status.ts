import type { Command } from "commander";
import { exitOf } from "../exit-codes";
import { resolveTask, TASK_ARGUMENT } from "../reference";
import { act, type Session, withServer } from "../session";
import { follow, showTask } from "./follow";

export function register(program: Command): void {
  const command = program
    .command("status")
    .description("How a task stands, endpoint by endpoint")
    .argument("<task>", TASK_ARGUMENT)
    .option("-w, --watch", "follow it until it is settled; then the exit code tells its outcome")
    .addHelpText(
      "after",
      `
Examples:
  tasker status app-update/release-42
  tasker status 0191f3a2 --watch`,
    );
  act(withServer(command), status);
}

async function status(session: Session, text: string, options: { watch?: boolean }): Promise<number> {
  const { client, out } = session;
  const ref = await resolveTask(client, text);
  const task = options.watch ? await follow(client, out, ref) : await client.get(ref.type, ref.id);
  await showTask(client, out, task);
  return options.watch ? exitOf(task) : 0;
}
