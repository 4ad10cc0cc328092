import type { SubmitRequest } from "../../../model/handler";
import type { Grant } from "../../../store/store";
import { LineFeed } from "../command/output";
import { failure, readResult } from "../outcome";
import type { RunHooks, Runner, RunResult } from "../runner";
import type { RunnerOptions } from "../runner-options";
import { cleanText } from "../text";
import { timerMs } from "../timer";
import type { HandlerProcess } from "./child-process";
import { factsOf } from "./context";
import { findHandler } from "./find-handler";
import type { FromChild } from "./ipc";
import { Pool } from "./pool";

/**
 * Performs a type by a handler module in child processes (`isolation: process`). The manager's own
 * timer ends an attempt, so that even a handler that blocks its event loop is stopped in time.
 *
 *   run ─▶ started ─▶ done ─────────────▶ result, process back to the pool
 *            │  └─ process gone ────────▶ failed: crash | exit_code | signal | out_of_memory
 *            └─ timeout or stop ─▶ signal, SIGTERM ─▶ done in time, or killed after the grace time
 *
 * @param reuse a process may take one attempt after another
 */
export function moduleRunner(handler: string, concurrency: number, reuse: boolean, options: RunnerOptions): Runner {
  const pool = new Pool(reuse ? concurrency : 0, options.log);
  let file: string | null = null;

  async function run(grant: Grant, hooks: RunHooks): Promise<RunResult> {
    if (file === null) {
      const found = findHandler(handler, options.handlersDir);
      if ("missing" in found) return failure("handler_not_found", found.missing, { permanent: true });
      file = found.file;
    }
    const deadline = performance.now() + grant.timeoutMs;
    for (;;) {
      if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
      const child = pool.take();
      const result = await new ModuleRun(child, grant, hooks, options).perform(file, reuse, deadline);
      pool.release(child, result.retire);
      // A used process that died before it took the attempt: what an earlier one left behind has
      // ended it.
      if (result.kind === "ended") return result.result;
    }
  }

  return { run, close: () => pool.close() };
}

type Ending = { kind: "ended"; result: RunResult; retire: boolean } | { kind: "not_started"; retire: true };

class ModuleRun {
  private readonly feed: LineFeed;
  private settle: (ending: Ending) => void = () => {};
  private timers: NodeJS.Timeout[] = [];
  private started = false;
  private killed = false;
  private crash: string | null = null;
  private answer: Extract<FromChild, { say: "done" }> | null = null;
  /** Why it was stopped: `timeout`, or the cause that `stop` gives. */
  private cause: string | null = null;

  constructor(
    private readonly child: HandlerProcess,
    private readonly grant: Grant,
    private readonly hooks: RunHooks,
    private readonly options: RunnerOptions,
  ) {
    this.feed = new LineFeed((text) => hooks.log(text), options.maxLogBytes);
  }

  async perform(file: string, reuse: boolean, deadline: number): Promise<Ending> {
    const ending = new Promise<Ending>((resolve) => {
      this.settle = resolve;
    });
    this.child.listener = {
      message: (message) => this.heard(message),
      output: (chunk, stream) => this.feed.write(chunk, stream),
      gone: () => this.gone(),
    };
    this.timers.push(setTimeout(() => this.stop("timeout"), timerMs(deadline - performance.now())));
    this.hooks.stop.listen((cause) => this.stop(cause));
    this.child.send({
      say: "run",
      run: this.child.runs,
      file,
      maxResultBytes: this.options.maxResultBytes,
      reuse,
      ...factsOf(this.grant),
    });
    if (this.child.ended) this.gone();
    const result = await ending;
    for (const timer of this.timers) clearTimeout(timer);
    this.hooks.stop.listen(null);
    this.feed.end();
    return result;
  }

  private heard(message: FromChild): void {
    if (message?.run !== this.child.runs) return;
    if (message.say === "started") this.started = true;
    else if (message.say === "progress") this.hooks.progress(message.fraction, message.message);
    else if (message.say === "submit") this.submit(message);
    else if (message.say === "crash") this.crash = message.error;
    else if (message.say === "done") {
      this.answer = message;
      // What it wrote before is in the pipes already; two turns of the loop read it.
      setImmediate(() => setImmediate(() => this.done(message)));
    }
  }

  private done(message: Extract<FromChild, { say: "done" }>): void {
    this.end(this.judged(readResult(message), message.threw), message.retire);
  }

  private submit({ call, type, request }: Extract<FromChild, { say: "submit" }>): void {
    const asked = async () => this.hooks.submit(type, JSON.parse(request) as SubmitRequest);
    asked().then(
      ({ id }) => this.child.send({ say: "submitted", call, id }),
      (error: Error & { code?: unknown }) =>
        this.child.send({
          say: "refused",
          call,
          name: error.name,
          message: error.message,
          code: typeof error.code === "string" ? error.code : null,
        }),
    );
  }

  /** Tells the handler and whatever it started; the grace time later the whole group is killed. */
  private stop(cause: string): void {
    if (this.cause !== null) return;
    this.cause = cause;
    this.child.send({ say: "stop", run: this.child.runs, cause });
    this.child.kill("SIGTERM");
    this.timers.push(
      setTimeout(() => {
        this.killed = true;
        this.child.kill("SIGKILL");
      }, this.options.graceMs),
    );
  }

  /**
   * A handler that returns has done its work, even after a request to stop. Only past its
   * timeout that is a failure.
   */
  private judged(result: RunResult, threw: boolean): RunResult {
    if (this.cause === "timeout") return this.timedOut(result.kind === "succeeded" ? result.result : null);
    if (this.cause !== null && threw) return { kind: "stopped", killed: false };
    return result;
  }

  private gone(): void {
    // A process that has answered may end before its output is read.
    if (this.answer) this.done(this.answer);
    else if (this.cause === null && !this.started && this.child.runs > 1)
      this.settle({ kind: "not_started", retire: true });
    else this.end(this.death(), true);
  }

  /** What it means that the process is gone. */
  private death(): RunResult {
    if (this.cause === "timeout") return this.timedOut(null);
    if (this.cause !== null) return { kind: "stopped", killed: this.killed };
    if (this.crash === null) return this.child.death();
    return failure(
      "crash",
      cleanText(`The handler's process crashed by an exception that nobody caught. ${this.crash}`),
    );
  }

  private timedOut(result: string | null): RunResult {
    const how = this.killed
      ? ` It did not stop within ${this.options.graceMs} ms after its signal and was killed.`
      : "";
    return failure("timeout", `The handler did not finish within ${this.grant.timeoutMs} ms.${how}`, { result });
  }

  private end(result: RunResult, retire: boolean): void {
    this.settle({ kind: "ended", result, retire });
  }
}
