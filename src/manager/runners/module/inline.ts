import { Deadlines } from "../../../deadlines";
import { describeError } from "../../../describe-error";
import type { HandleTask, SubmitRequest } from "../../../model/handler";
import type { JsonObject } from "../../../model/json/json";
import type { Grant } from "../../../store/store";
import { type Failure, failure, returned, threw } from "../outcome";
import type { RunHooks, Runner, RunResult } from "../runner";
import type { RunnerOptions } from "../runner-options";
import { cleanText } from "../text";
import { type ContextCalls, factsOf, HandlerContext, handled, stopReason } from "./context";
import { findHandler } from "./find-handler";
import { loadHandler } from "./load-handler";
import { type Owner, strayErrors } from "./stray";

/**
 * Performs a type in the manager's own process (`isolation: inline`, and handlers given as
 * functions): no process, no channel, for light async work. Nothing here can be killed: a handler
 * that does not listen to its signal is abandoned after the grace time, and the response says that
 * it may still be running.
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

  const shared = { ...options, turn: new TurnEnd(), deadlines: new Deadlines() };
  function begin(handleTask: HandleTask | Failure, grant: Grant, hooks: RunHooks): Promise<RunResult> {
    if (typeof handleTask !== "function") return Promise.resolve(handleTask);
    if (hooks.stop.cause !== null) return Promise.resolve({ kind: "stopped", killed: false });
    return new InlineRun(grant, hooks, shared).perform(handleTask);
  }

  return {
    run: (grant, hooks) =>
      loaded
        ? begin(loaded, grant, hooks)
        : strayErrors.owned(module, load).then((handleTask) => begin(handleTask, grant, hooks)),
    close: async () => {},
  };
}

/** Calls back after this turn of the loop: one immediate for all that end in it. */
class TurnEnd {
  private readonly waiting: Array<() => void> = [];

  add(callback: () => void): void {
    if (this.waiting.push(callback) > 1) return;
    setImmediate(() => {
      for (const waiting of this.waiting.splice(0)) waiting();
    });
  }
}

/**
 * One call of a handler. Only the handler itself runs as the owner of what it starts: following
 * each promise of the manager as well would cost more than everything else that a short attempt
 * needs.
 */
class InlineRun implements ContextCalls {
  private readonly owner: Owner;
  /** An uncaught error of something that the handler started. */
  private stray: Failure | null = null;
  private controller: AbortController | null = null;
  private cause: string | null = null;
  private over = false;
  private unwatch: () => void = () => {};
  private resolve: (result: RunResult) => void = () => {};

  constructor(
    private readonly grant: Grant,
    private readonly hooks: RunHooks,
    private readonly shared: RunnerOptions & { turn: TurnEnd; deadlines: Deadlines },
  ) {
    const { taskId, type, performer, job, attempt } = grant;
    this.owner = {
      about: { task_id: taskId, type, endpoint: performer, job: job || undefined, attempt },
      log: shared.log,
      failed: (error) => this.uncaught(error),
    };
  }

  /** Resolves with the handler's end, or when it is given up. */
  perform(handleTask: HandleTask): Promise<RunResult> {
    this.watch(this.grant.timeoutMs, () => this.stop("timeout"));
    this.hooks.stop.listen((cause) => this.stop(cause));
    return new Promise((resolve) => {
      this.resolve = resolve;
      try {
        strayErrors
          .owned(this.owner, () => Promise.resolve(this.call(handleTask)))
          .then(
            (value) => this.returned(value),
            (error) => this.threw(error),
          );
      } catch (error) {
        this.threw(error);
      }
    });
  }

  private call(handleTask: HandleTask): ReturnType<HandleTask> {
    const facts = factsOf(this.grant);
    return handled(facts, (traceparent) =>
      handleTask(JSON.parse(facts.payloadText) as JsonObject, new HandlerContext(facts, traceparent, this)),
    );
  }

  private returned(value: unknown): void {
    const result = returned(value, this.shared.maxResultBytes);
    // By then a promise that the handler left rejected has been reported.
    this.shared.turn.add(() => {
      if (this.stray) this.end(this.stray);
      else if (this.cause !== "timeout") this.end(result);
      else this.end(this.timedOut("", result.kind === "succeeded" ? result.result : null));
    });
  }

  private threw(error: unknown): void {
    if (this.stray) this.end(this.stray);
    else if (this.cause === "timeout") this.end(this.timedOut("", null));
    else this.end(this.cause === null ? threw(error) : { kind: "stopped", killed: false });
  }

  private end(result: RunResult): void {
    if (this.over) return;
    this.over = true;
    strayErrors.disowned(this.owner);
    this.unwatch();
    this.hooks.stop.listen(null);
    this.resolve(result);
  }

  progress(fraction: number, message: string | null): void {
    if (!this.over) strayErrors.unowned(() => this.hooks.progress(fraction, message));
  }

  log(text: string): void {
    if (!this.over) strayErrors.unowned(() => this.hooks.log(cleanText(text)));
  }

  submit(type: string, request: SubmitRequest): Promise<{ id: string }> {
    return strayErrors.unowned(() => this.hooks.submit(type, request));
  }

  signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.cause !== null) this.controller.abort(stopReason(this.cause));
    }
    return this.controller.signal;
  }

  /** Aborts the handler and waits for the grace time: no other attempt may run beside it. */
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
    this.unwatch();
    this.watch(this.shared.graceMs, () => this.giveUp(cause));
  }

  private watch(ms: number, then: () => void): void {
    this.unwatch = this.shared.deadlines.watch(performance.now() + ms, then);
  }

  private giveUp(cause: string): void {
    const said =
      ` It was asked to stop and did not within ${this.shared.graceMs} ms; it may still be running, because a handler that ` +
      "runs inline cannot be killed. Listen to context.signal, or use `isolation: process`.";
    // Saying `stopped` would not be true.
    const asked = failure("abandoned", `The handler was asked to stop (${cause}).${said}`, { permanent: true });
    const stray = this.stray && { ...this.stray, error: `${this.stray.error}\n${said.trim()}` };
    this.end(stray ?? (cause === "timeout" ? this.timedOut(said, null) : asked));
  }

  private timedOut(said: string, result: string | null): Failure {
    return failure("timeout", `The handler did not finish within ${this.grant.timeoutMs} ms.${said}`, { result });
  }
}
