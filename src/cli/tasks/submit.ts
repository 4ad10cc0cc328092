import type { Command } from "commander";
import { TaskerProblem, type TaskRequest } from "../../client";
import { EXIT, exitOf } from "../exit-codes";
import { collect, collectWhole, duration, durationText, timeFrom, wholeNumber } from "../input";
import type { Output } from "../output";
import { payloadOf } from "../payload";
import { refText } from "../reference";
import { act, examples, type Session, withServer } from "../session";
import { follow, showTask } from "./follow";
import { standing } from "./rows";

interface SubmitOptions {
  payload?: string;
  set?: string[];
  identifier?: string;
  endpoint?: string[];
  delay?: string;
  attempts?: number;
  timeout?: string;
  waitForEndpoints?: string;
  priority?: number;
  wait?: number | true;
}

export function register(program: Command): void {
  const command = program
    .command("submit")
    .alias("send")
    .description("Submit one task to its endpoints")
    .argument("<type>", "the task type")
    .option("-p, --payload <json>", "the payload: '{…}', @file.json, or - for standard input")
    .option(
      "--set <name=value>",
      "set one field of the payload, as JSON or else as text; may be repeated",
      collectWhole,
    )
    .option("-i, --identifier <text>", "your own name for the task; repeating it means the same task")
    .option(
      "-e, --endpoint <names>",
      "the endpoints that perform it, separated by commas or repeated (default: all registered)",
      collect,
    )
    .option("--delay <time>", "start no earlier: 10m, or 2030-01-31T12:00:00Z", timeFrom("future"))
    .option("--attempts <n>", "most attempts at each endpoint", wholeNumber(1, 1000))
    .option("--timeout <duration>", "limit of one attempt", durationText)
    .option(
      "--wait-for-endpoints <duration>",
      "after this time the task is incomplete where it was not received",
      durationText,
    )
    .option("--priority <n>", "0 to 9; 9 comes first", wholeNumber(0, 9))
    .option("-w, --wait [duration]", "watch it until it is settled, or for this long", duration)
    .addHelpText(
      "after",
      examples(
        `tasker submit noop --payload '{"hello": "world"}' --wait`,
        "tasker submit app-update --set archive=app-2.1.tar.gz --endpoint lb-1,lb-2 --identifier release-42 --wait 5m",
      ),
    );
  act(withServer(command), submit);
}

async function submit(session: Session, type: string, options: SubmitOptions): Promise<number> {
  const { client, out } = session;
  const request: TaskRequest = {
    identifier: options.identifier,
    payload: payloadOf(options.payload, options.set),
    endpoints: options.endpoint,
    delay_until: options.delay,
    attempts: options.attempts,
    timeout: options.timeout,
    wait_for_endpoints_timeout: options.waitForEndpoints,
    priority: options.priority,
  };
  const task = await client.submit(type, request).catch((error: unknown) => {
    if (error instanceof TaskerProblem) sayHowTextIsSet(out, error, options.set ?? []);
    throw error;
  });
  if (options.wait === undefined) {
    const { missing: _, ...counts } = task.completeness;
    out.result({
      json: task,
      ids: [task.id],
      columns: ["TASK", "IDENTIFIER", "STATUS", "ENDPOINTS"],
      rows: [[refText(task), task.identifier, task.status, counts.expected]],
    });
    if (out.terminal && out.plain) out.say(`Watch it with: tasker status ${refText(task)} --watch`);
    return 0;
  }
  const timeoutMs = options.wait === true ? undefined : options.wait;
  const last = await follow(client, out, task, { timeoutMs });
  await showTask(client, out, last);
  const code = exitOf(last);
  if (code === EXIT.incomplete) out.say(`Not complete: ${standing(last)}`);
  return code;
}

/** `--set version=2.1` sets a number where the type may require a text. */
function sayHowTextIsSet(out: Output, problem: TaskerProblem, sets: readonly string[]): void {
  for (const set of sets) {
    const name = set.slice(0, set.indexOf("="));
    const wantsText = ({ pointer, detail }: { pointer: string; detail: string }) =>
      pointer === `#/payload/${name}` && detail === "must be string";
    if (problem.errors.some(wantsText)) {
      out.say(
        `The value of --set ${set} is read as JSON; for a text write --set '${name}="${set.slice(name.length + 1)}"'`,
      );
    }
  }
}
