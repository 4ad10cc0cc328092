import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PerformerConfig, TaskTypeConfig } from "../../../src/config/config";
import { silentLog } from "../../../src/log";
import { createRunner } from "../../../src/manager/runners/choose";
import type { RunHooks, Runner, RunResult } from "../../../src/manager/runners/runner";
import type { CreateRunnerOptions } from "../../../src/manager/runners/runner-options";
import { Stop } from "../../../src/manager/runners/stop";
import type { SubmitRequest } from "../../../src/model/handler";
import type { Grant } from "../../../src/store/store";

export function typeConfig(performer: PerformerConfig, more: Partial<TaskTypeConfig> = {}): TaskTypeConfig {
  return {
    name: "a-type",
    deliver: "each",
    endpoints: [],
    concurrency: 2,
    timeoutMs: 20_000,
    waitMs: 1000,
    expiresMs: null,
    keepMs: null,
    attempts: 3,
    backoff: { firstMs: 1, factor: 2, maxMs: 10 },
    isolation: "process",
    reuse: true,
    claim: "first",
    priority: 0,
    payloadSchema: null,
    singleRun: false,
    legacyGet: false,
    jobs: [],
    submits: null,
    performer,
    ...more,
  };
}

export function grantFor(payload: unknown, more: Partial<Grant> = {}): Grant {
  return {
    taskId: "0191f3a0-0000-7000-8000-000000000001",
    type: "a-type",
    identifier: "order 7",
    granted: true,
    endpoint: "here",
    performer: "here",
    job: "",
    leaseId: "0191f3a0-0000-7000-8000-000000000002",
    generation: 1,
    attempt: 1,
    attempts: 3,
    payload: JSON.stringify(payload),
    traceparent: null,
    timeoutMs: 20_000,
    ...more,
  };
}

/** Hooks that remember what they were told, and can be waited on. */
export class Recorder implements RunHooks {
  readonly stop = new Stop();
  readonly reports: Array<[number, string | null]> = [];
  readonly submitted: Array<[string, SubmitRequest]> = [];
  logged = "";
  private waiting: Array<{ text: string; resolve: () => void }> = [];

  progress(fraction: number, message: string | null): void {
    this.reports.push([fraction, message]);
  }

  log(text: string): void {
    if (!text.endsWith("\n")) throw new Error("a log text must end with a newline");
    this.logged += text;
    this.waiting = this.waiting.filter((wait) => {
      if (!this.logged.includes(wait.text)) return true;
      wait.resolve();
      return false;
    });
  }

  async submit(type: string, request: SubmitRequest): Promise<{ id: string }> {
    if (type === "refused") throw Object.assign(new Error("no such type"), { code: "unknown_task_type" });
    this.submitted.push([type, request]);
    return { id: "a-new-task" };
  }

  /** Resolves when `text` has been logged. */
  saw(text: string): Promise<void> {
    if (this.logged.includes(text)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ text, resolve }));
  }
}

/** A handlers folder outside the package, and runners over it, all gone after `close`. */
export class ManagerHarness {
  readonly dir = mkdtempSync(path.join(tmpdir(), "tasker-runners-"));
  private readonly runners: Runner[] = [];

  handler(name: string, source: string, extension = "cjs"): string {
    const file = path.join(this.dir, `${name}.${extension}`);
    writeFileSync(file, source);
    return name;
  }

  runner(type: TaskTypeConfig, more: Partial<CreateRunnerOptions> = {}): Runner {
    const runner = createRunner(type, {
      handlersDir: this.dir,
      job: null,
      graceMs: 300,
      maxResultBytes: 1024 * 1024,
      log: silentLog,
      ...more,
    });
    this.runners.push(runner);
    return runner;
  }

  async close(): Promise<void> {
    await Promise.all(this.runners.map((runner) => runner.close()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function succeeded(result: RunResult): unknown {
  if (result.kind !== "succeeded") throw new Error(`expected success, got ${JSON.stringify(result)}`);
  return result.result === null ? undefined : JSON.parse(result.result);
}

export function failed(result: RunResult): Extract<RunResult, { kind: "failed" }> {
  if (result.kind !== "failed") throw new Error(`expected a failure, got ${JSON.stringify(result)}`);
  return result;
}

/** Whether a process is there (a zombie is not: nobody runs it). */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Resolves when none of the processes is there any more; a test that waits in vain runs into its time limit. */
export async function gone(...pids: number[]): Promise<void> {
  for (const pid of pids) {
    if (!(pid > 1)) throw new Error(`${pid} is not the id of a process`);
    while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
