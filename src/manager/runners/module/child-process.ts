import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { handlerEnvironment } from "../../../config/passed-environment";
import { signalGroup } from "../command/group";
import { type Failure, failure } from "../outcome";
import { cleanText, lastLines } from "../text";
import { CHANNEL_FD, Channel } from "./channel";
import { childEntry } from "./child-entry";
import type { FromChild, ToChild } from "./ipc";

const STDERR_KEPT = 16 * 1024;
/** How long output that is still in the pipes is waited for after the process itself is gone. */
const LAST_OUTPUT_MS = 500;
const CLOSE_MS = 2000;
/** A process that closes its channel is ending, or sends nothing any more. */
const SILENT_MS = 500;

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
  /** Called when the process ends itself because its handler has changed `what` of it. */
  onLeaving: (what: string) => void = () => {};
  /** It takes no further attempt. */
  leaving = false;
  /** Attempts it was given. */
  runs = 0;
  idleTimer: NodeJS.Timeout | null = null;
  private readonly process: ChildProcess;
  private readonly channel: Channel<ToChild> | null;
  private silenced = false;
  private exit: { code: number | null; signal: NodeJS.Signals | null } = { code: null, signal: null };
  private spawnError: Error | null = null;
  private stderr = "";
  private resolveGone: () => void = () => {};
  private readonly whenGone = new Promise<void>((resolve) => {
    this.resolveGone = resolve;
  });

  constructor() {
    this.process = spawn(process.execPath, [...childEntry.execArgv, childEntry.file, String(process.pid)], {
      env: handlerEnvironment(),
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const socket = this.process.stdio[CHANNEL_FD] as Socket | undefined;
    this.channel = socket
      ? new Channel(
          socket,
          (message) => this.heard(message as FromChild),
          () => this.silent(),
        )
      : null;
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
  }

  send(message: ToChild): void {
    this.channel?.send(message);
  }

  private heard(message: FromChild): void {
    if (message?.say === "leaving") {
      this.leaving = true;
      this.onLeaving(message.what);
    } else this.listener?.message(message);
  }

  /**
   * A handler that closes the channel (its file descriptor) can neither be heard nor stopped any
   * more.
   */
  private silent(): void {
    const timer = setTimeout(() => {
      if (this.exit.code !== null || this.exit.signal !== null) return;
      this.silenced = true;
      this.kill("SIGKILL");
    }, SILENT_MS);
    timer.unref();
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
    if (this.silenced) {
      return failure(
        "crash",
        `The handler closed or broke its process's channel to tasker, which ended the process.${said}`,
      );
    }
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

  /**
   * Ends an idle process by closing its channel. Resolves when it has ended.
   */
  async close(): Promise<void> {
    if (this.idleTimer) clearTimeout(this.idleTimer);
    if (this.ended) return;
    this.channel?.close();
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
    this.channel?.destroy();
    this.process.stdout?.destroy();
    this.process.stderr?.destroy();
    this.resolveGone();
    this.listener?.gone();
    this.onEnd();
  }
}
