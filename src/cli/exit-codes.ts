import type { Completeness, Task } from "../client";

/** Exit codes (docs/reference/cli.md). */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  failedResponses: 3,
  incomplete: 4,
  unreachable: 5,
  unauthorized: 6,
  notFound: 7,
  conflict: 8,
  config: 9,
  output: 10,
  interrupted: 130,
  /** 128 + SIGPIPE, as shells report a reader that left early. */
  closedPipe: 141,
} as const;

export const EXIT_HELP = `
Exit codes:
  0    done, and all endpoints succeeded
  1    something unexpected
  2    the command or its input is wrong
  3    finished, but some endpoints did not succeed
  4    incomplete: some endpoints have not answered in time
  5    the server (or database, or broker) cannot be reached or is overloaded
  6    not authorised
  7    not found
  8    conflict, or not possible in this state
  9    the configuration is not valid
  10   the output could not be written
  130  Ctrl-C (a watched task continues)
  141  the reader of the output has gone (| head)`;

/** The exit code for a task once the wait for it is over. */
export function exitOf(task: Pick<Task, "status" | "completeness">): number {
  if (task.status === "succeeded") return EXIT.done;
  return task.completeness.complete ? EXIT.failedResponses : EXIT.incomplete;
}

/** How many endpoints must succeed. */
export type Requirement = "all" | "any" | number;

/** met: enough succeeded · lost: not possible any more · open: still possible. */
export function judge(counts: Completeness, require: Requirement): "met" | "lost" | "open" {
  const needed = require === "all" ? counts.expected : require === "any" ? 1 : require;
  if (counts.succeeded >= needed) return "met";
  const { expected, failed, cancelled } = counts;
  const possible = counts.complete ? counts.succeeded : expected - failed - cancelled;
  return possible < needed ? "lost" : "open";
}

export function exitOfStatus(status: number): number {
  if (status === 401 || status === 403) return EXIT.unauthorized;
  if (status === 404) return EXIT.notFound;
  if (status === 409) return EXIT.conflict;
  if (status === 429 || (status >= 502 && status <= 504)) return EXIT.unreachable;
  return status >= 400 && status < 500 ? EXIT.usage : EXIT.unexpected;
}
