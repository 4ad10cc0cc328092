import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/until";
import type { Body, TestSystem } from "../support/world";

/** A folder of handlers and programs of a story's own. */
export async function folder(files: Record<string, string>): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "tasker-story-"));
  await mkdir(join(dir, "handlers"));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dir, name), text);
    if (text.startsWith("#!")) await chmod(join(dir, name), 0o755);
  }
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Somebody's HTTP service: what it was asked, how many connections it saw, and calls that it holds until it lets go. */
export class Target {
  readonly asked: Array<{ method: string; path: string; headers: IncomingMessage["headers"]; body: string }> = [];
  connections = 0;
  private held: Array<() => void> | null = [];
  private readonly server = createServer((req, res) => void this.answer(req, res));

  static async start(answer: (path: string, res: ServerResponse, target: Target) => void): Promise<Target> {
    const target = new Target(answer);
    target.server.on("connection", () => target.connections++);
    target.server.listen(0, "127.0.0.1");
    await once(target.server, "listening");
    return target;
  }

  private constructor(private readonly reply: (path: string, res: ServerResponse, target: Target) => void) {}

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  url(path: string): string {
    return `http://${this.host}${path}`;
  }

  paths(): string[] {
    return this.asked.map((request) => request.path);
  }

  /** Answers now, or when `letGo` is called. */
  hold(answer: () => void): void {
    if (this.held) this.held.push(answer);
    else answer();
  }

  letGo(): void {
    for (const answer of this.held ?? []) answer();
    this.held = null;
  }

  /** From now on calls are held again. */
  holdAgain(): void {
    this.held = [];
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of req) body += chunk;
    const path = req.url!;
    this.asked.push({ method: req.method!, path, headers: req.headers, body });
    this.reply(path, res, this);
  }
}

/** Submits and waits until nothing is under way any more; returns the task's one response (of several jobs: the first). */
export async function perform(w: TestSystem, type: string, request: object): Promise<Body> {
  return (await w.settled(await w.submit(type, request))).responses[0];
}

/** Waits until the task stands as asked for. */
export function stands(w: TestSystem, task: { type: string; id: string }, what: string, how: (now: Body) => unknown) {
  return until(what, async () => {
    const now = (await w.get(`/${task.type}/${task.id}`)).body;
    return how(now) ? now : null;
  });
}

/** Whether a process runs; one that has ended and was not yet buried does not. */
export function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

let identifiers = 0;
export const fresh = (): string => `story-${++identifiers}`;
