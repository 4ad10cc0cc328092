import { type Command, InvalidArgumentError } from "commander";
import type { Task } from "../../client";
import { EXIT, judge, type Requirement } from "../exit-codes";
import { duration } from "../input";
import { resolveTask, TASK_ARGUMENT } from "../reference";
import { act, type Session, withServer } from "../session";
import { follow, showTask } from "./follow";
import { standing } from "./rows";

export function register(program: Command): void {
  const command = program
    .command("wait")
    .description("Wait until enough endpoints have succeeded; for scripts")
    .argument("<task>", TASK_ARGUMENT)
    .option("-r, --require <all|any|n>", "how many endpoints must succeed", requirement, "all")
    .option("-t, --timeout <duration>", "wait at most this long, also for missing endpoints", duration)
    .addHelpText(
      "after",
      `
The exit code is 0 as soon as enough endpoints have succeeded, 3 as soon as that is impossible, and 4 when the time is
over. Without --timeout it ends when the task is settled.

Examples:
  tasker wait app-update/release-42 --timeout 10m && echo "all have it"
  tasker wait 0191f3a2 --require any --timeout 60s`,
    );
  act(withServer(command), wait);
}

interface WaitOptions {
  require: Requirement;
  timeout?: number;
}

async function wait(session: Session, text: string, options: WaitOptions): Promise<number> {
  const { client, out } = session;
  const ref = await resolveTask(client, text);
  const verdict = (task: Task) => judge(task.completeness, options.require);
  const until = (task: Task) => verdict(task) !== "open" || (options.timeout === undefined && task.settled);
  const task = await follow(client, out, ref, { timeoutMs: options.timeout, until });
  await showTask(client, out, task);
  const end = verdict(task);
  if (end === "met") return EXIT.done;
  out.say(`Not met (required: ${options.require}): ${standing(task)}`);
  return end === "lost" ? EXIT.failedResponses : EXIT.incomplete;
}

function requirement(text: string): Requirement {
  if (text === "all" || text === "any") return text;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("write all, any or a number of endpoints");
}
