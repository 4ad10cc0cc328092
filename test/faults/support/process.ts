import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MAIN = join(__dirname, "..", "..", "..", "dist", "src", "cli", "main.js");

/** A real `tasker api` or `tasker manager`, started from the build, spoken to by signals and sockets only. */
export class TaskerProgram {
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  exit: { code: number | null; signal: NodeJS.Signals | null } | null = null;
  private stdout = "";

  private constructor(
    readonly child: ChildProcess,
    readonly logFile: string,
  ) {
    this.exited = once(child, "exit").then(([code, signal]) => {
      this.exit = { code, signal };
      return this.exit;
    });
    child.stdout!.on("data", (text) => {
      this.stdout += text;
    });
  }

  /** Does not wait until it is ready. Standard error goes to `logFile`. */
  static start(args: string[], env: Record<string, string>, logFile: string, nodeArgs: string[] = []): TaskerProgram {
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, [...nodeArgs, MAIN, ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ["ignore", "pipe", log],
    });
    closeSync(log);
    return new TaskerProgram(child, logFile);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.exit === null;
  }

  /** Resolves with the ready line; throws when the program ends first or `ms` are over. */
  async ready(ms = 30_000): Promise<string> {
    const end = Date.now() + ms;
    for (;;) {
      const line = this.stdout.split("\n").find((text) => text.includes("ready"));
      if (line) return line;
      if (!this.running) throw new Error(`${this.child.spawnargs.join(" ")} ended before it was ready:\n${this.log()}`);
      if (Date.now() > end)
        throw new Error(`${this.child.spawnargs.join(" ")} was not ready in ${ms} ms:\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Sends a signal; with SIGKILL and SIGTERM await `exited`. */
  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    this.child.kill("SIGKILL");
    this.child.kill("SIGCONT");
    await this.exited;
  }

  log(): string {
    return readFileSync(this.logFile, "utf8").slice(-4000);
  }

  /** Resident memory in bytes and open file descriptors. */
  footprint(): { rss: number; fds: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const rss = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    return { rss, fds: readdirSync(`/proc/${this.pid}/fd`).length };
  }
}
