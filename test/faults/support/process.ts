import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Another build than dist/ may be named, for the scenarios of an upgrade. */
const BUILD = process.env.TASKER_TEST_BUILD ?? join(__dirname, "..", "..", "..", "dist");

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A real `tasker api`, `tasker manager` or `tasker up`, started from the build, spoken to by signals and sockets only. */
export class TaskerProgram {
  readonly exited: Promise<Exit>;
  exit: Exit | null = null;
  /** It was killed or told to end, so that its end says nothing against it. */
  asked = false;
  private stdout = "";

  private constructor(
    readonly child: ChildProcess,
    readonly endpoint: string | null,
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
  static start(
    args: string[],
    endpoint: string | null,
    env: Record<string, string>,
    logFile: string,
    nodeArgs: string[] = [],
  ): TaskerProgram {
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, [...nodeArgs, join(BUILD, "src", "cli", "main.js"), ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ["ignore", "pipe", log],
    });
    closeSync(log);
    return new TaskerProgram(child, endpoint, logFile);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.exit === null;
  }

  /** Ended although nobody wanted it to. */
  get died(): boolean {
    return this.exit !== null && !this.asked;
  }

  /** It will end by itself, as the scenario wants; `then` is called when it has. */
  dies(then: () => void): void {
    this.asked = true;
    void this.exited.then(then);
  }

  /** Resolves with the ready line; throws when the program ends first or `ms` are over. */
  async ready(ms = 60_000): Promise<string> {
    const end = Date.now() + ms;
    for (;;) {
      const line = this.readyLine;
      if (line) return line;
      if (!this.running) throw new Error(`${this.child.spawnargs.join(" ")} ended before it was ready:\n${this.log()}`);
      if (Date.now() > end)
        throw new Error(`${this.child.spawnargs.join(" ")} was not ready in ${ms} ms:\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get readyLine(): string | undefined {
    return this.stdout.split("\n").find((text) => text.includes("ready") || text.includes("tasker is up"));
  }

  /** Sends a signal to the process alone, and with `tree` to whatever it has started, as process managers do. */
  signal(name: NodeJS.Signals, tree = false): void {
    if (name === "SIGTERM" || name === "SIGINT" || name === "SIGKILL") this.asked = true;
    for (const pid of tree ? descendants(this.pid) : []) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended meanwhile.
      }
    }
    this.child.kill(name);
  }

  /** SIGTERM; resolves when it has ended. */
  async stop(): Promise<Exit> {
    this.signal("SIGTERM");
    return this.exited;
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    this.signal("SIGKILL");
    this.child.kill("SIGCONT");
    await this.exited;
  }

  log(): string {
    return readFileSync(this.logFile, "utf8").slice(-4000);
  }

  /** Lines of its log so far that contain the text. */
  logged(text: string): string[] {
    return readFileSync(this.logFile, "utf8")
      .split("\n")
      .filter((line) => line.includes(text));
  }

  /** Resident memory in bytes and open file descriptors. */
  footprint(): { rss: number; fds: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const rss = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    return { rss, fds: readdirSync(`/proc/${this.pid}/fd`).length };
  }
}

/** Children and their children. */
export function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}
