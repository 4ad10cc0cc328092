import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import type { Task, TaskResponse } from "../../client";
import type { Output } from "../output";
import { refText } from "../reference";
import { cell, count } from "../text";
import { answerOf, glyphOf, nameOf, standing, styleOf } from "./rows";

const BAR = 24;
/** The order of responses where there is not room for all: the most urgent first. */
const ORDER = ["failed", "missed", "retrying", "running", "received", "expected", "cancelled", "succeeded"];

/** What is not shown: a number of responses, or of endpoints where the task carries only some. */
function hiddenOf(task: Task, shown: readonly TaskResponse[]): string | null {
  const some = task.responses_link !== undefined;
  const hidden = some
    ? task.completeness.expected - new Set(shown.map((response) => response.endpoint)).size
    : task.responses.length - shown.length;
  return hidden > 0 ? count(hidden, some ? "endpoint" : "response") : null;
}

/**
 * The progress of a task on standard error: on a terminal a bar and one line for each endpoint,
 * redrawn with each change; elsewhere one line for each change.
 */
export class Progress {
  private drawn = 0;
  private said = "";
  private readonly statuses = new Map<string, string>();

  constructor(private readonly out: Output) {}

  show(task: Task): void {
    if (this.out.options.quiet) return;
    if (this.out.live) this.draw(task);
    else this.report(task);
  }

  /** Removes the drawing. */
  clear(): void {
    if (this.drawn === 0) return;
    moveCursor(process.stderr, 0, -this.drawn);
    cursorTo(process.stderr, 0);
    clearScreenDown(process.stderr);
    this.drawn = 0;
  }

  private draw(task: Task): void {
    const columns = Math.max(40, process.stderr.columns ?? 80);
    const room = Math.max(1, (process.stderr.rows ?? 24) - 4);
    const lines = [this.bar(task, columns)];
    const sorted = [...task.responses].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
    // Sorted by urgency only when not all fit; otherwise a line would jump with each change.
    const shown = task.responses.length <= room ? task.responses : sorted.slice(0, room);
    const longest = Math.max(...shown.map((response) => nameOf(response).length), 1);
    for (const response of shown) lines.push(this.endpoint(response, Math.min(longest, 40), columns));
    const hidden = hiddenOf(task, shown);
    if (hidden !== null) lines.push(this.out.paint("gray", `  … and ${hidden} more`));
    this.clear();
    process.stderr.write(lines.map((line) => `${line}\n`).join(""));
    this.drawn = lines.length;
  }

  private bar(task: Task, columns: number): string {
    const { expected, succeeded, failed, cancelled } = task.completeness;
    const final = succeeded + failed + cancelled;
    const filled = Math.round(BAR * Math.min(1, Math.max(0, task.progress)));
    const bar =
      this.out.paint(styleOf(task.status), "█".repeat(filled)) + this.out.paint("gray", "░".repeat(BAR - filled));
    const status = this.out.paint(styleOf(task.status), task.status);
    return `${bar} ${final}/${expected} ${status}  ${cell(refText(task), Math.max(12, columns - BAR - 30))}`;
  }

  private endpoint(response: TaskResponse, width: number, columns: number): string {
    const style = styleOf(response.status);
    const name = cell(nameOf(response), width).padEnd(width);
    const head = `  ${this.out.paint(style, glyphOf(response.status))} ${name}  ${this.out.paint(style, response.status.padEnd(9))}`;
    return `${head}  ${cell(answerOf(response), Math.max(8, columns - width - 18))}`.trimEnd();
  }

  private report(task: Task): void {
    for (const response of task.responses) {
      const name = nameOf(response);
      if (this.statuses.get(name) === response.status) continue;
      const first = this.statuses.get(name) === undefined;
      this.statuses.set(name, response.status);
      if (first && response.status === "expected") continue;
      const answer = ["failed", "missed", "retrying"].includes(response.status) ? `  ${answerOf(response)}` : "";
      this.out.say(cell(`${name} ${response.status}${answer}`, 300));
    }
    const line = cell(`${task.type} ${task.id} ${task.status}: ${standing(task)}`, 500);
    if (line !== this.said) this.out.say(line);
    this.said = line;
  }
}
