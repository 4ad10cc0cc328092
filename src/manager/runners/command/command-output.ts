import { deeperThan, MAX_DEPTH } from "../../../model/json/json";
import type { RunHooks } from "../runner";
import { cleanText, lastLines } from "../text";
import { Capture, LineFeed, Lines } from "./output";

const PROGRESS = /^::progress[ \t]+(\d*\.?\d+)(%?)(?:[ \t]+(.*?))?\r?\n?$/;
const STDERR_BYTES = 64 * 1024;

/**
 * What a command writes: streamed to the log line by line, captured up to a cap, its `::progress`
 * lines taken out of stdout.
 */
export class CommandOutput {
  private readonly feed: LineFeed;
  private readonly lines = new Lines();
  private readonly stderrLines = new Lines();
  private readonly stdout: Capture;
  private readonly stderr: Capture;

  constructor(
    private readonly hooks: Pick<RunHooks, "log" | "progress">,
    limits: { outputBytes: number; logBytes: number },
  ) {
    this.feed = new LineFeed((text) => hooks.log(text), limits.logBytes);
    this.stdout = new Capture(limits.outputBytes);
    this.stderr = new Capture(Math.min(STDERR_BYTES, limits.outputBytes));
  }

  writeStdout(chunk: Buffer): void {
    this.takeStdout(this.lines.write(chunk));
  }

  writeStderr(chunk: Buffer): void {
    this.takeStderr(this.stderrLines.write(chunk));
  }

  /** Takes what has no line end; `last` is the log's last line. */
  end(last: string): void {
    this.takeStdout(this.lines.end());
    this.takeStderr(this.stderrLines.end());
    this.feed.end();
    this.hooks.log(`${last}\n`);
  }

  stdoutText(): string {
    return cleanText(this.stdout.toString());
  }

  stderrText(): string {
    return cleanText(this.stderr.toString());
  }

  /**
   * The last lines of stderr, or of stdout if there are none, for an error's sentence; "" if there
   * is no output.
   */
  lastWords(): string {
    const stderr = this.stderr.toString();
    return lastLines(stderr.trim() === "" ? this.stdout.toString() : stderr, 8, 2000);
  }

  /** The last line of stdout as it was written, if it is JSON; else null. */
  lastJson(): string | null {
    const text = this.stdout.toString().trimEnd();
    const line = text.slice(text.lastIndexOf("\n") + 1).trim();
    try {
      const value: unknown = JSON.parse(line);
      return deeperThan(value, MAX_DEPTH) ? null : line;
    } catch {
      return null;
    }
  }

  private takeStdout(text: string): void {
    const kept = text.includes("::progress") ? this.withoutProgress(text) : text;
    this.stdout.append(kept);
    this.feed.text(kept);
  }

  private takeStderr(text: string): void {
    this.stderr.append(text);
    this.feed.text(text);
  }

  private withoutProgress(text: string): string {
    const kept: string[] = [];
    for (const line of text.split(/(?<=\n)/)) {
      const found = PROGRESS.exec(line);
      if (!found) {
        kept.push(line);
        continue;
      }
      const fraction = Number(found[1]) / (found[2] === "%" ? 100 : 1);
      const message = cleanText(found[3] ?? "").slice(0, 500);
      this.hooks.progress(Math.min(1, fraction), message === "" ? null : message);
    }
    return kept.join("");
  }
}
