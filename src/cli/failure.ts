import { TaskerProblem, TaskerUnreachable } from "../client";
import { describeError } from "../describe-error";
import { ConfigError, TaskerError, TransportError, withoutSecrets } from "../errors";
import { EXIT, exitOfStatus } from "./exit-codes";
import { cleanText } from "./text";

/** An error of the command line itself: what happened and why, and what to do next. */
export class CliError extends Error {
  constructor(
    readonly exit: number,
    message: string,
    readonly next?: string,
  ) {
    super(message);
    this.name = "CliError";
  }
}

export function usage(message: string, next?: string): CliError {
  return new CliError(EXIT.usage, message, next);
}

export interface Failure {
  exit: number;
  /** What happened, then where, why, and the next command. */
  lines: string[];
}

/** The lines on standard error and the exit code for anything thrown. */
export function explain(error: unknown): Failure {
  if (error instanceof CliError) return failure(error.exit, error.message, [], error.next);
  if (error instanceof TaskerProblem) return ofProblem(error);
  if (error instanceof TaskerUnreachable) {
    const repeat = error.identifier
      ? [`repeat   with --identifier ${error.identifier}: the task is stored once, whatever happened to this try`]
      : [];
    return failure(
      EXIT.unreachable,
      error.message,
      repeat,
      "`tasker up` starts a server here; --url, TASKER_URL or `tasker context use` name another; `tasker doctor` looks closer",
    );
  }
  if (error instanceof ConfigError) {
    const [first = "the configuration is not valid", ...rest] = error.problems;
    return failure(EXIT.config, first, rest, "`tasker config check` shows all there is to correct");
  }
  if (error instanceof TransportError)
    return failure(EXIT.unreachable, error.message, [], "`tasker doctor` looks closer");
  if (error instanceof TaskerError) {
    return failure(
      exitOfStatus(error.status),
      error.message,
      (error.errors ?? []).map((e) => `${e.pointer}  ${e.detail}`),
    );
  }
  return failure(EXIT.unexpected, describeError(error, "sentence"), [], "--debug shows where it comes from");
}

function ofProblem(error: TaskerProblem): Failure {
  const { problem } = error;
  const more = error.errors.map((fault) => `${decode(fault.pointer)}  ${fault.detail}`);
  const ids = [problem.request_id && `request ${problem.request_id}`, problem.trace_id && `trace ${problem.trace_id}`];
  const known = ids.filter(Boolean).join(", ");
  more.push(`code     ${error.code}${known && ` (${known})`}`);
  if (error.location)
    more.push(`see      tasker status ${error.location.split("/").filter(Boolean).slice(-2).join("/")}`);
  return failure(exitOfStatus(error.status), error.detail, more, NEXT[error.code]);
}

const NEXT: Record<string, string | undefined> = {
  unknown_task_type: "`tasker types` lists what there is",
  task_not_found: "`tasker list` shows the newest tasks",
  endpoint_not_found: "`tasker endpoints` lists what there is",
  unauthenticated: "set TASKER_API_KEY, or choose a context with a key; `tasker keys create` on the server makes one",
  forbidden: "use a key with that scope and type; `tasker keys create` on the server makes one",
  identifier_conflict: "leave --identifier out, or choose another",
  rate_limited: "wait a little and try again",
  overloaded: "wait a little and try again",
  database_unavailable: "the server works again as soon as its database does; `tasker doctor` looks closer",
  not_tasker: "check the URL with `tasker doctor`",
};

function failure(exit: number, what: string, more: string[], next?: string): Failure {
  const [first = "", ...rest] = cleanText(withoutSecrets(what)).split("\n");
  const lines = [`error: ${first}`, ...rest.map((line) => `  ${line}`)];
  for (const line of more) lines.push(`  ${cleanText(withoutSecrets(line)).replace(/\n/g, " ")}`);
  if (next) lines.push(`  next     ${next}`);
  return { exit, lines };
}

function decode(pointer: string): string {
  try {
    return decodeURIComponent(pointer);
  } catch {
    return pointer;
  }
}
