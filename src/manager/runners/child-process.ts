import { type ChildProcess, fork } from "node:child_process";
import { handlerEnvironment } from "../../config/passed-environment";
import { childEntry } from "./child-entry";
import { signalGroup } from "./group";
import type { FromChild, ToChild } from "./ipc";
import { type Failure, failure } from "./outcome";
import { cleanText, lastLines } from "./text";

const STDERR_KEPT = 16 * 1024;
/** How long output that is still in the pipes is waited for after the process itself is gone. */
const LAST_OUTPUT_MS = 500;
const CLOSE_MS = 2000;

/** Who listens to a child while it performs an attempt. */
export interface ChildListener {
  message(message: FromChild): void;
  output(chunk: Buffer, stream: "stdout" | "stderr"): void;
  /** The process is gone, all its output read, its group ended. */
  gone(): void;
}

/** One reusable handler process, leader of its own process group. */
export class HandlerProcess {
  listener: ChildListener | null = null;
  /** Called once, when the process has ended for whatever cause. */
  onEnd: () => void = () => {};
  ended = false;
  /** Attempts it was given. */
  runs = 0;
  idleTimer: NodeJS.Timeout | null = null;
  private readonly process: ChildProcess;
  private exit: { code: number | null; signal: NodeJS.Signals | null } = { code: null, signal: null };
  private spawnError: Error | null = null;
  private stderr = "";
  private resolveGone: () => void = () => {};
  private readonly whenGone = new Promise<void>((resolve) => {
    this.resolveGone = resolve;
  });

  constructor() {
    this.process = fork(childEntry.file, [String(process.pid)], {
      execArgv: childEntry.execArgv,
      env: handlerEnvironment(),
      detached: true,
      serialization: "json",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.process.on("message", (message) => this.listener?.message(message as FromChild));
    this.process.stdout?.on("data", (chunk: Buffer) => this.listener?.output(chunk, "stdout"));
    this.process.stderr?.on("data", (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-STDERR_KEPT);
      this.listener?.output(chunk, "stderr");
    });
    this.process.once("error", (error) => {
      this.spawnError = error;
      if (this.process.pid === undefined) this.end();
    });
    this.process.once("exit", (code, signal) => this.exited(code, signal));
    // A handler that closes the channel can neither be heard nor stopped any more.
    this.process.once("disconnect", () => this.kill("SIGKILL"));
  }

  send(message: ToChild): void {
    // A channel that breaks now means that the process is ending; `exit` tells the rest.
    if (this.process.connected) this.process.send(message, undefined, undefined, () => {});
  }

  /** Signals the process and everything it started. */
  kill(signal: NodeJS.Signals): void {
    if (!this.ended && this.process.exitCode === null && this.process.signalCode === null)
      signalGroup(this.process.pid, signal);
  }

  forgetOutput(): void {
    this.stderr = "";
  }

  /** Why it died, as the failure of the attempt that it was performing. */
  death(): Failure {
    const { code, signal } = this.exit;
    const said = this.stderr.trim() === "" ? "" : ` It last wrote to stderr:\n${lastLines(this.stderr, 8, 2000)}`;
    if (this.spawnError)
      return failure("crash", `The handler's process could not be started: ${this.spawnError.message}`);
    const fatal = /^FATAL ERROR: .*out of memory.*$/im.exec(this.stderr);
    if (fatal && (signal === "SIGABRT" || code === 134)) {
      return failure("out_of_memory", `The handler's process ran out of memory and was ended: ${cleanText(fatal[0])}`);
    }
    if (signal) {
      const hint = signal === "SIGKILL" ? " Not sent by tasker: often the system ran out of memory." : "";
      return failure("signal", `The handler's process was ended by signal ${signal}.${hint}${said}`);
    }
    return failure(
      "exit_code",
      `The handler's process ended with exit code ${code} before the handler returned.${said}`,
    );
  }

  /** Lets an idle process go: it leaves by itself when the channel closes. Resolves when it is gone. */
  async close(): Promise<void> {
    if (this.idleTimer) clearTimeout(this.idleTimer);
    if (this.ended) return;
    this.process.removeAllListeners("disconnect");
    if (this.process.connected) this.process.disconnect();
    const timer = setTimeout(() => this.kill("SIGKILL"), CLOSE_MS);
    await this.whenGone;
    clearTimeout(timer);
  }

  private exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.exit = { code, signal };
    // What it left in its group would otherwise live on, and hold its output open.
    signalGroup(this.process.pid, "SIGKILL");
    const timer = setTimeout(() => this.end(), LAST_OUTPUT_MS);
    this.process.once("close", () => {
      clearTimeout(timer);
      this.end();
    });
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.idleTimer) clearTimeout(this.idleTimer);
    this.process.stdout?.destroy();
    this.process.stderr?.destroy();
    this.resolveGone();
    this.listener?.gone();
    this.onEnd();
  }
}
