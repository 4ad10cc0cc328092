import { describeError } from "../../../describe-error";
import type { HandleTask, SubmitRequest } from "../../../model/handler";
import type { JsonObject } from "../../../model/json/json";
import { type Failure, failure, returned, threw } from "../outcome";
import type { RunHooks, Runner, RunResult, Work } from "../runner";
import type { RunnerOptions } from "../runner-options";
import { cleanText } from "../text";
import { timerMs } from "../timer";
import { type ContextCalls, HandlerContext, handled, stopReason } from "./context";
import { findHandler } from "./find-handler";
import { loadHandler } from "./load-handler";
import { disowned, type Owner, owned, unowned } from "./stray";

/**
 * Performs a type in the manager's own process (`isolation: inline`, and handlers given as functions): no process, no channel,
 * for light async work. Nothing here can be killed: a handler that does not listen to its signal is abandoned after the grace
 * time, and the response says that it may still be running.
 */
export function inlineRunner(handler: string, given: HandleTask | null, options: RunnerOptions): Runner {
  let loaded: HandleTask | null = given;
  /** What the module has started as it loaded belongs to no attempt. */
  const module: Owner = { about: { handler }, log: options.log, failed: null };

  async function load(): Promise<HandleTask | Failure> {
    if (loaded) return loaded;
    const found = findHandler(handler, options.handlersDir);
    if ("missing" in found) return failure("handler_not_found", found.missing, { permanent: true });
    try {
      loaded = await loadHandler(found.file);
      return loaded;
    } catch (error) {
      return failure("handler_not_usable", (error as Error).message);
    }
  }

  async function run(work: Work, hooks: RunHooks): Promise<RunResult> {
    const handleTask = loaded ?? (await owned(module, load));
    if (typeof handleTask !== "function") return handleTask;
    if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
    return new Attempt(work, hooks, options).perform(handleTask);
  }

  return { run, close: async () => {} };
}

class Attempt implements ContextCalls {
  /** What the handler has started failed, and nobody caught it. */
  private stray: Failure | null = null;
  private controller: AbortController | null = null;
  private cause: string | null = null;
  private over = false;
  private timer: NodeJS.Timeout | null = null;
  private abandon: (result: RunResult) => void = () => {};

  constructor(
    private readonly work: Work,
    private readonly hooks: RunHooks,
    private readonly options: RunnerOptions,
  ) {}

  async perform(handleTask: HandleTask): Promise<RunResult> {
    const { taskId, type, endpoint, job, attempt } = this.work;
    const owner: Owner = {
      about: { task_id: taskId, type, endpoint, job: job ?? undefined, attempt },
      log: this.options.log,
      failed: (error) => this.uncaught(error),
    };
    this.timer = setTimeout(() => this.stop("timeout"), timerMs(this.work.timeoutMs));
    this.hooks.stop.listen((cause) => this.stop(cause));
    // The handler's end, or that it was given up: what comes first.
    const result = await new Promise<RunResult>((resolve) => {
      this.abandon = resolve;
      void owned(owner, () => this.call(handleTask)).then(resolve);
    });
    disowned(owner);
    this.over = true;
    clearTimeout(this.timer);
    this.hooks.stop.listen(null);
    return result;
  }

  private async call(handleTask: HandleTask): Promise<RunResult> {
    const { work } = this;
    try {
      const value = await handled(work, (traceparent) =>
        handleTask(JSON.parse(work.payload) as JsonObject, new HandlerContext(work, traceparent, this)),
      );
      const result = returned(value, this.options.maxResultBytes);
      // By then a promise that the handler left rejected has been reported.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.stray) return this.stray;
      if (this.cause !== "timeout") return result;
      return this.timedOut("", result.kind === "succeeded" ? result.result : null);
    } catch (error) {
      if (this.stray) return this.stray;
      if (this.cause === "timeout") return this.timedOut("", null);
      return this.cause === null ? threw(error) : { kind: "stopped", killed: false };
    }
  }

  progress(fraction: number, message: string | null): void {
    if (!this.over) unowned(() => this.hooks.progress(fraction, message));
  }

  log(text: string): void {
    if (!this.over) unowned(() => this.hooks.log(cleanText(text)));
  }

  submit(type: string, request: SubmitRequest): Promise<{ id: string }> {
    return unowned(() => this.hooks.submit(type, request));
  }

  signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.cause !== null) this.controller.abort(stopReason(this.cause));
    }
    return this.controller.signal;
  }

  /** The handler is told, and has the grace time to end: another attempt must not run beside it. */
  private uncaught(error: unknown): void {
    if (this.cause === null)
      this.stray ??= failure("error", `Nobody caught an error of the handler. ${describeError(error)}`);
    else this.log(`${describeError(error)}\n`);
    this.stop("error");
  }

  private stop(cause: string): void {
    if (this.cause !== null) return;
    this.cause = cause;
    this.controller?.abort(stopReason(cause));
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.giveUp(cause), this.options.graceMs);
  }

  private giveUp(cause: string): void {
    const said =
      ` It was told to stop and did not within ${this.options.graceMs} ms; it may still be running, because a handler that ` +
      "runs inline cannot be killed. Listen to context.signal, or use `isolation: process`.";
    // Saying `stopped` would not be true.
    const asked = failure("abandoned", `The handler was asked to stop (${cause}).${said}`, { permanent: true });
    const stray = this.stray && { ...this.stray, error: `${this.stray.error}\n${said.trim()}` };
    this.abandon(stray ?? (cause === "timeout" ? this.timedOut(said, null) : asked));
  }

  private timedOut(said: string, result: string | null): Failure {
    return failure("timeout", `The handler did not finish within ${this.work.timeoutMs} ms.${said}`, { result });
  }
}
