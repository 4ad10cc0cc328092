import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(__dirname, "../..");

const PATIENCE_MS = 120_000;

/** The fenced `sh` blocks of a page, in order. */
export function blocksOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
}

/**
 * A copy of the sources as a clone would have them, a shell in it, and nothing of this shell's state: an own home, own pm2,
 * own ports. Packages and the build are taken from here, so that nothing is downloaded or built twice.
 */
export class Reader {
  private readonly shell: ChildProcess;
  private readonly background: ChildProcess[] = [];
  private output = "";
  private heard: () => void = () => {};

  static async create(): Promise<Reader> {
    const dir = mkdtempSync(join(tmpdir(), "tasker-docs-"));
    const clone = join(dir, "tasker");
    const files = execFileSync("git", ["ls-files", "-coz", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" });
    for (const file of files.split("\0").filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
      mkdirSync(dirname(join(clone, file)), { recursive: true });
      cpSync(join(ROOT, file), join(clone, file));
    }
    symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
    if (existsSync(join(ROOT, "dist"))) cpSync(join(ROOT, "dist"), join(clone, "dist"), { recursive: true });
    return new Reader(dir, clone, await freePort());
  }

  private constructor(
    private readonly dir: string,
    private readonly clone: string,
    private readonly port: number,
  ) {
    this.shell = spawn("bash", ["--norc", "-s"], { cwd: clone, env: this.env(), detached: true });
    this.listen(this.shell);
    this.shell.stdin!.write("set -eu -o pipefail\n");
  }

  private env(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(([name]) => !/^(TASKER_|PM2|NODE_OPTIONS|JEST)/.test(name));
    return {
      ...Object.fromEntries(kept),
      HOME: this.dir,
      PM2_HOME: join(this.dir, "pm2"),
      PATH: `${join(this.clone, "node_modules/.bin")}:${process.env.PATH}`,
      TASKER_API_PORT: String(this.port),
      TASKER_URL: `http://127.0.0.1:${this.port}`,
      npm_config_update_notifier: "false",
    };
  }

  private listen(child: ChildProcess): void {
    const hear = (text: Buffer) => {
      this.output += text.toString();
      this.heard();
    };
    child.stdout!.on("data", hear);
    child.stderr!.on("data", hear);
    child.on("exit", () => this.heard());
  }

  /** Runs a block as it stands, but for the port. Resolves to what it printed; rejects with it when a command fails. */
  async run(block: string): Promise<string> {
    const text = block.replaceAll(":3000", `:${this.port}`);
    this.output = "";
    if (!/^npm start/.test(text)) {
      // From a file: what a command reads is not the rest of the script.
      const file = join(this.dir, "block.sh");
      writeFileSync(file, text);
      this.shell.stdin!.write(`. ${file} </dev/null\nprintf "\\n::block %s\\n" $((6 * 7))\n`);
      await this.until(/^::block 42$/m, this.shell, text);
      return this.output;
    }
    const child = spawn("bash", ["-c", text], { cwd: this.clone, env: this.env(), detached: true });
    this.background.push(child);
    this.listen(child);
    await this.until(/tasker is up on/, child, text);
    return this.output;
  }

  private until(wanted: RegExp, child: ChildProcess, block: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (how: string) => reject(new Error(`This block ${how}:\n${block}\n${this.output}`));
      const timer = setTimeout(() => failed("does not come to its end"), PATIENCE_MS);
      this.heard = () => {
        if (wanted.test(this.output)) resolve();
        else if (child.exitCode !== null) failed("failed");
        else return;
        clearTimeout(timer);
      };
      this.heard();
    });
  }

  /** Ctrl-C for what runs in the background. */
  async interrupt(): Promise<void> {
    for (const child of this.background.splice(0)) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode !== null) continue;
      process.kill(-child.pid!, "SIGINT");
      await ended;
    }
  }

  async close(): Promise<void> {
    await this.interrupt();
    const quietly = (file: string, args: string[]) => {
      try {
        execFileSync(file, args, { cwd: this.clone, env: this.env(), stdio: "ignore" });
      } catch {
        // It was not started.
      }
    };
    quietly(process.execPath, [join(ROOT, "node_modules/pm2/bin/pm2"), "kill"]);
    quietly(process.execPath, ["scripts/services.js", "down", "--wipe"]);
    this.shell.kill("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
