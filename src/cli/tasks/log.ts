import type { Command } from "commander";
import type { LogChunk } from "../../client";
import { EXIT } from "../exit-codes";
import { usage } from "../failure";
import { detachable } from "../processes/interrupt";
import { type Ref, refText, resolveTask, TASK_ARGUMENT } from "../reference";
import { act, type Session, withServer } from "../session";

interface LogOptions {
  endpoint?: string;
  job?: string;
  follow?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("log")
    .alias("logs")
    .description("Show what the handler logged at an endpoint")
    .argument("<task>", TASK_ARGUMENT)
    .option("-e, --endpoint <name>", "the endpoint (default: the only one)")
    .option("--job <name>", "one of several jobs")
    .option("-f, --follow", "continue until the endpoint has answered")
    .addHelpText(
      "after",
      `
With --follow the exit code is 0 if the endpoint succeeded, else 3.

Example:
  tasker log app-update/release-42 --endpoint db3 --follow`,
    );
  act(withServer(command), log);
}

async function log(session: Session, text: string, options: LogOptions): Promise<number> {
  const { client, out } = session;
  const ref = await resolveTask(client, text);
  const endpoint = options.endpoint ?? (await onlyEndpoint(session, ref.type, ref.id));
  const hint = `Stopped following; the task continues. Follow it again with: tasker log ${refText(ref)} --endpoint ${endpoint} --follow`;
  const chunks: LogChunk[] = [];
  await detachable(hint, async (signal) => {
    const { job, follow } = options;
    for await (const chunk of client.log(ref.type, ref.id, endpoint, { job, follow, signal })) {
      if (session.options.json) chunks.push(chunk);
      else out.raw(chunk.text);
    }
  });
  if (session.options.json) out.result({ json: { items: chunks }, ids: [], columns: [], rows: [] });
  return options.follow ? ending(session, ref, endpoint, options.job) : EXIT.done;
}

/** The outcome at the end of a followed log. */
async function ending({ client, out }: Session, { type, id }: Ref, endpoint: string, job?: string): Promise<number> {
  const { status, ...response } = await client.response(type, id, endpoint, { job });
  if (status === "succeeded") return EXIT.done;
  const reason = "reason" in response && response.reason !== null ? ` (${response.reason})` : "";
  out.say(`${endpoint}: ${status}${reason}`);
  return EXIT.failedResponses;
}

async function onlyEndpoint({ client }: Session, type: string, id: string): Promise<string> {
  const task = await client.get(type, id);
  const names = [...new Set(task.responses.map((response) => response.endpoint ?? "*"))];
  if (names.length === 1 && task.completeness.expected === 1) return names[0]!;
  throw usage("The task has more than one endpoint", `choose one with --endpoint: ${names.slice(0, 8).join(", ")}`);
}
