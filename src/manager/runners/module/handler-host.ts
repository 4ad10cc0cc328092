import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import type { HandlerEnvironment } from "../../../config/handler-environment";
import { describeError } from "../../../describe-error";
import type { HandleTask } from "../../../model/handler";
import type { JsonObject } from "../../../model/json/json";
import { type Failure, failure, returned, type Success, threw } from "../outcome";
import { Channel } from "./channel";
import { ChildAttempt } from "./child-attempt";
import { ChildOutput } from "./child-output";
import { type ContextCalls, HandlerContext, type HandlerFacts, handled } from "./context";
import { Footprint } from "./footprint";
import type { FromChild, ToChild } from "./ipc";
import { HandlerNotUsable, loadHandler } from "./load-handler";
import { SubmitCalls } from "./submit-calls";

/** Taken before user code runs: a handler may replace what it finds in its process. */
const { parse } = JSON;
const { Promise: Later, setImmediate } = globalThis;
const { pid } = process;
const kill = process.kill.bind(process);
const activeResources = process.getActiveResourcesInfo.bind(process);

/**
 * Performs attempts in a handler process, one at a time. It takes its orders from a channel, and
 * ends the process when the channel does.
 *
 * What an earlier attempt left behind (a timer that throws, a promise that rejects late) is told
 * apart by the async context it was started in: it never fails the attempt that runs now, but this
 * process takes no further one. What an attempt changed of the process is put back or ends it
 * (footprint.ts).
 */
export class HandlerHost {
  private readonly attempts = new AsyncLocalStorage<number>();
  private readonly output = new ChildOutput();
  private readonly channel: Channel<FromChild>;
  private readonly calls: SubmitCalls;
  private readonly send = (message: FromChild): void => this.channel.send(message);
  private current: ChildAttempt | null = null;
  private retire = false;
  /** This process ends and takes nothing any more. */
  private ending = false;
  private loaded: HandleTask | null = null;
  private footprint: Footprint | null = null;
  /** An attempt has ended, and what it has changed is not looked at yet. */
  private unchecked = false;

  constructor(
    socket: Socket,
    private readonly environment: HandlerEnvironment,
  ) {
    this.calls = new SubmitCalls(this.send);
    this.channel = new Channel(
      socket,
      (message) => this.heard(message as ToChild),
      // The manager has closed the channel or died: no output is read any more.
      () => void this.end(),
    );
  }

  /** An uncaught error of this process. */
  uncaught(error: unknown): void {
    // Nothing may keep a process that ends.
    if (this.ending) kill(-pid, "SIGKILL");
    const run = this.attempts.getStore();
    const text = describeError(error);
    this.output.printError(`${text}\n`);
    const { current } = this;
    if (current && run !== undefined && run !== current.run) {
      this.retire = true;
      return;
    }
    if (current) this.channel.send({ say: "crash", run: current.run, error: text }, () => void this.end());
    else void this.end();
  }

  private heard(message: ToChild): void {
    if (this.ending) return;
    if (message.say === "run") void this.perform(message);
    else if (message.say === "stop") this.stop(message.run, message.cause);
    else this.calls.settle(message);
  }

  private async perform(message: Extract<ToChild, { say: "run" }>): Promise<void> {
    const { run, file, maxResultBytes, reuse } = message;
    if (this.changed(run)) return;
    const attempt = new ChildAttempt(run, this.send);
    this.current = attempt;
    this.send({ say: "started", run });
    let result: Success | Failure;
    let thrown = false;
    try {
      result = await this.attempts.run(run, async () => {
        const handler = this.loaded ?? (await loadHandler(file));
        this.loaded = handler;
        if (reuse) this.footprint ??= new Footprint(this.environment);
        return returned(await this.handle(handler, attempt, message), maxResultBytes);
      });
    } catch (error) {
      thrown = true;
      // A module that failed to load stays failed in Node's cache: the next attempt gets a new
      // process.
      if (error instanceof HandlerNotUsable) {
        this.retire = true;
        result = failure("handler_not_usable", error.message);
      } else result = threw(error);
    }
    // By then a promise that the handler left rejected has been reported.
    await new Later<void>((resolve) => setImmediate(resolve));
    attempt.flush();
    // Sub-processes that the handler did not wait for are ended with this process.
    if (!reuse || activeResources().includes("ProcessWrap")) this.retire = true;
    await this.output.flush();
    this.current = null;
    this.send({ say: "done", run, threw: thrown, retire: this.retire, ...result });
    // Once the answer is on its way; or when the next attempt comes, if it is quicker.
    this.unchecked = true;
    if (!this.retire) setImmediate(() => void (this.unchecked && this.changed(run)));
  }

  private handle(handler: HandleTask, attempt: ChildAttempt, facts: HandlerFacts): unknown {
    const calls: ContextCalls = {
      signal: () => attempt.signal,
      progress: (fraction, text) => {
        if (this.current === attempt) attempt.report(fraction, text);
      },
      log: (text) => this.output.print(text),
      submit: (type, request) => this.calls.submit(attempt.run, type, request),
    };
    return handled(facts, (traceparent) =>
      handler(parse(facts.payloadText) as JsonObject, new HandlerContext(facts, traceparent, calls)),
    );
  }

  private stop(run: number, cause: string): void {
    const { current } = this;
    if (current?.run === run) this.attempts.run(run, () => current.stop(cause));
  }

  /**
   * Puts back what can be; ends this process if the last attempt, or what it left running, has
   * changed more.
   */
  private changed(run: number): boolean {
    const what = (this.unchecked ? this.footprint?.restore() : this.footprint?.restorePlace()) ?? null;
    this.unchecked = false;
    if (what === null) return false;
    this.ending = true;
    this.channel.send({ say: "leaving", run, what }, () => void this.end());
    return true;
  }

  /** Ends this process and whatever its handlers have started, once what it wrote has left it. */
  private async end(): Promise<void> {
    this.ending = true;
    await this.output.flush();
    kill(-pid, "SIGKILL");
  }
}
