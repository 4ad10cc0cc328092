import type { OpenCounts, ResponseStatus, Task, TaskResponse, TaskStatus, TaskSummary } from "../../client";
import { writeExact } from "../../model/json/exact-json";
import type { Cell, Result, Style } from "../output";
import { refText } from "../reference";
import { count, span } from "../text";

/** Tasks and responses as rows of a table. */

const STYLES: Record<string, Style> = {
  succeeded: "green",
  failed: "red",
  missed: "red",
  incomplete: "yellow",
  cancelled: "yellow",
  retrying: "yellow",
  running: "cyan",
};

const GLYPHS: Record<string, string> = {
  succeeded: "✓",
  failed: "✗",
  missed: "?",
  cancelled: "–",
  running: "▸",
  retrying: "↻",
  received: "•",
  expected: "·",
};

export function styleOf(status: string): Style {
  return STYLES[status] ?? "gray";
}

export function glyphOf(status: string): string {
  return GLYPHS[status] ?? " ";
}

export function statusCell(status: TaskStatus | ResponseStatus): Cell {
  return { text: status, style: styleOf(status) };
}

/** `1 of 3, missing db3`. */
export function standing(task: TaskSummary | Task): string {
  const { succeeded, expected, failed, cancelled, missing } = task.completeness;
  const parts = [`${succeeded} of ${count(expected, "endpoint")} succeeded`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (cancelled > 0) parts.push(`${cancelled} cancelled`);
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : "";
  if (missing.length > 0) parts.push(`missing: ${missing.slice(0, 5).join(", ")}${more}`);
  return parts.join(", ");
}

/** Responses that an endpoint still owes. */
export function owed({ expected, received, running, retrying }: OpenCounts): number {
  return expected + received + running + retrying;
}

/** `3 m 20 s ago` on a terminal, the time itself elsewhere. */
export function since(at: string | null, terminal: boolean): string {
  if (!at) return "";
  return terminal ? `${span(Date.now() - Date.parse(at))} ago` : at;
}

export function taskResult(tasks: readonly TaskSummary[], json: unknown, terminal: boolean): Result {
  return {
    json,
    ids: tasks.map((task) => task.id),
    columns: ["TASK", "IDENTIFIER", "STATUS", "ANSWERED", "MISSING", "CREATED"],
    rows: tasks.map((task) => [
      refText(task),
      task.identifier,
      statusCell(task.status),
      `${task.completeness.succeeded + task.completeness.failed}/${task.completeness.expected}`,
      task.completeness.missing.join(","),
      since(task.created_at, terminal),
    ]),
    none: "No task matches.",
  };
}

export const RESPONSE_COLUMNS = ["ENDPOINT", "STATUS", "ATTEMPT", "TOOK", "ANSWER"];

export function responseRow(response: TaskResponse): Cell[] {
  return [
    nameOf(response),
    statusCell(response.status),
    response.attempt > 0 ? `${response.attempt}/${response.attempts}` : "",
    took(response),
    answerOf(response),
  ];
}

/** `db3`, or `db3 crawl-site` for one of several jobs; `*`: not taken yet. */
export function nameOf(response: Pick<TaskResponse, "endpoint" | "job">): string {
  const endpoint = response.endpoint ?? "*";
  return response.job === null ? endpoint : `${endpoint} ${response.job}`;
}

function took(response: TaskResponse): string {
  // Nothing runs between two attempts.
  if (!response.started_at || response.status === "retrying") return "";
  const end = response.finished_at ? Date.parse(response.finished_at) : Date.now();
  return span(end - Date.parse(response.started_at));
}

/** The most useful line: the reason of a failure, the progress, or the result. */
export function answerOf(response: TaskResponse): string {
  if (response.status === "running") return response.progress > 0 ? `${Math.round(response.progress * 100)} %` : "";
  if (response.status === "retrying") return `${response.reason ?? "error"}, again at ${response.retry_at ?? "once"}`;
  if (response.status === "expected") return "has not received it";
  if (response.status === "succeeded") {
    if (response.result !== null && response.result !== undefined) return writeExact(response.result);
    return response.result_text ?? "";
  }
  const why = response.error?.split("\n")[0] ?? response.result_text ?? "";
  return response.reason ? `${response.reason}${why ? `: ${why}` : ""}` : why;
}
