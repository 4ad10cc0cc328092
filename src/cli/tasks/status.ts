import type { Command } from "commander";
import { exitOf } from "../exit-codes";
import { resolveTask, TASK_ARGUMENT } from "../reference";
import { act, examples, type Session, withServer } from "../session";
import { follow, showTask } from "./follow";

export function register(program: Command): void {
  const command = program
    .command("status")
    .description("Show the status of a task at each endpoint")
    .argument("<task>", TASK_ARGUMENT)
    .option("-w, --watch", "follow it until it is settled; the exit code is its outcome")
    .addHelpText("after", examples("tasker status app-update/release-42", "tasker status 0191f3a2 --watch"));
  act(withServer(command), status);
}

async function status(session: Session, text: string, options: { watch?: boolean }): Promise<number> {
  const { client, out } = session;
  const ref = await resolveTask(client, text);
  const task = options.watch ? await follow(client, out, ref) : await client.get(ref.type, ref.id);
  await showTask(client, out, task);
  return options.watch ? exitOf(task) : 0;
}
