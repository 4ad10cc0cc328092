import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTasker, type Tasker } from "../../src/library";
import { silentLog } from "../../src/log";

/** A door that a test opens: until then a `gate` task waits inside its handler. */
export class Door {
  open!: () => void;
  private readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
  pass(signal: AbortSignal): Promise<void> {
    return Promise.race([
      this.opened,
      new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
    ]);
  }
}

export interface TestSystem {
  tasker: Tasker;
  url: string;
  doors: Map<string, Door>;
  close(): Promise<void>;
}

/** A real server in this process (embedded mode, SQLite in a folder of its own), with endpoints a, b and c. */
export async function startWorld(config: { api?: object; types?: object } = {}): Promise<TestSystem> {
  const folder = mkdtempSync(join(tmpdir(), "tasker-client-"));
  const doors = new Map<string, Door>();
  const tasker = await createTasker({
    log: silentLog,
    config: {
      database: { uri: `sqlite:${join(folder, "tasker.db")}` },
      api: { port: 0, ...config.api },
      manager: { endpoints: ["a", "b", "c"], spool: join(folder, "spool") },
      task_types: {
        echo: { attempts: 2 },
        // Fails at b until its payload says otherwise.
        flaky: { attempts: 1 },
        gate: { attempts: 1 },
        single: { single_run: true, handler: "gate" },
        missing: { handler: "echo", endpoints: ["ghost"], wait_for_endpoints_timeout: "100ms" },
        ...config.types,
      },
    },
    handlers: {
      echo: (payload, context) => {
        context.log(`at ${context.endpoint}`);
        return { at: context.endpoint, payload };
      },
      flaky: (_payload, context) => {
        if (context.endpoint === "b") throw new Error("the disk is full");
        return null;
      },
      gate: async (payload, context) => {
        context.log("waiting");
        context.progress(0.5);
        await doors.get(String(payload.door))?.pass(context.signal);
        context.signal.throwIfAborted();
        context.log("through");
        return "through";
      },
    },
  });
  return {
    tasker,
    url: tasker.url!,
    doors,
    async close() {
      for (const door of doors.values()) door.open();
      await tasker.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The address of a port at which nobody listens. */
export async function nobody(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** What happens to one request on its way; the default is to pass it on. */
export interface Fate {
  /** Answer this instead of asking the server. */
  answer?: { status: number; headers?: Record<string, string>; body?: unknown };
  /** Let the server work, then cut the connection instead of answering. */
  cutAnswer?: boolean;
  /** Cut the connection when this resolves. */
  cutWhen?: Promise<void>;
}

export interface Between {
  url: string;
  seen: IncomingMessage[];
  close(): Promise<void>;
}

/** A real HTTP proxy before the server, that does to each request what the test says. */
export async function between(target: string, fateOf: (req: IncomingMessage, n: number) => Fate): Promise<Between> {
  const seen: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    seen.push(req);
    const fate = fateOf(req, seen.length);
    if (fate.answer) {
      const { status, headers, body } = fate.answer;
      res.writeHead(status, { "content-type": "application/problem+json", ...headers });
      res.end(body === undefined ? "" : JSON.stringify(body));
      req.resume();
      return;
    }
    pass(target, req, res, fate);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pass(target: string, req: IncomingMessage, res: ServerResponse, fate: Fate): void {
  const { hostname, port } = new URL(target);
  const options = { hostname, port, path: req.url, method: req.method, headers: req.headers };
  const onward = request(options, (answer) => {
    if (fate.cutAnswer) {
      answer.resume();
      answer.on("end", () => res.destroy());
      return;
    }
    res.writeHead(answer.statusCode!, answer.headers);
    res.flushHeaders();
    void fate.cutWhen?.then(() => res.destroy());
    answer.on("data", (chunk: Buffer) => res.write(chunk));
    answer.on("end", () => res.end());
    answer.on("error", () => res.destroy());
  });
  onward.on("error", () => res.destroy());
  res.on("close", () => onward.destroy());
  req.pipe(onward);
}
