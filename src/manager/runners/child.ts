import { AsyncLocalStorage } from "node:async_hooks";
import { Worker } from "node:worker_threads";
import type { HandleTask, SubmitRequest } from "../../model/handler";
import type { JsonObject } from "../../model/json";
import { type ContextCalls, HandlerContext, handled, stopReason } from "./context";
import type { FromChild, ToChild } from "./ipc";
import { HandlerNotUsable, loadHandler } from "./load-handler";
import { describeError, failure, returned, threw } from "./outcome";
import type { RunResult } from "./runner";

/**
 * The entry of a handler process: user code runs here and nowhere else. One attempt at a time; told what to do over the IPC
 * channel, and gone when the channel is. It leads its own process group, so that one signal ends all that handlers start.
 *
 * What an earlier attempt left behind (a timer that throws, a promise that rejects late) is told apart by the async context it
 * was started in: it never fails the attempt that runs now, but this process takes no further one.
 */
const MERGE_PROGRESS_MS = 50;

interface Attempt {
  run: number;
  stop: AbortController | null;
  stopCause: string | null;
  progress: { fraction: number; message: string | null } | null;
  timer: NodeJS.Timeout | null;
}

const attempts = new AsyncLocalStorage<number>();
const calls = new Map<number, { resolve(id: string): void; reject(error: Error): void }>();
let current: Attempt | null = null;
let retire = false;
let lastCall = 0;
let loaded: { file: string; handler: HandleTask } | null = null;

process.on("message", (message: ToChild) => {
  if (message.say === "run") void perform(message);
  else if (message.say === "stop") stop(message.run, message.cause);
  else settleCall(message);
});

async function perform({ run, file, work, maxResultBytes }: Extract<ToChild, { say: "run" }>): Promise<void> {
  const attempt: Attempt = { run, stop: null, stopCause: null, progress: null, timer: null };
  current = attempt;
  say({ say: "started", run });
  let result: RunResult;
  let thrown = false;
  try {
    result = await attempts.run(run, async () => {
      const handler = loaded?.file === file ? loaded.handler : await loadHandler(file);
      loaded = { file, handler };
      const calls: ContextCalls = {
        signal: () => signalOf(attempt),
        progress: (fraction, text) => reportProgress(attempt, fraction, text),
        log: (text) => void process.stdout.write(text),
        submit: (type, request) => submit(run, type, request),
      };
      const value = await handled(work, (traceparent) =>
        handler(JSON.parse(work.payload) as JsonObject, new HandlerContext(work, traceparent, calls)),
      );
      return returned(value, maxResultBytes);
    });
  } catch (error) {
    thrown = true;
    // A module that failed to load stays failed in Node's cache: the next attempt gets a new process.
    if (error instanceof HandlerNotUsable) {
      retire = true;
      result = failure("handler_not_usable", describeError(error));
    } else result = threw(error);
  }
  flushProgress(attempt);
  // Sub-processes that the handler did not wait for are ended with this process.
  if (process.getActiveResourcesInfo().includes("ProcessWrap")) retire = true;
  await written(process.stdout);
  await written(process.stderr);
  current = null;
  say({ say: "done", run, result, threw: thrown, retire });
}

function signalOf(attempt: Attempt): AbortSignal {
  if (!attempt.stop) {
    attempt.stop = new AbortController();
    if (attempt.stopCause) attempt.stop.abort(stopReason(attempt.stopCause));
  }
  return attempt.stop.signal;
}

function stop(run: number, cause: string): void {
  if (current?.run !== run) return;
  current.stopCause = cause;
  const { stop } = current;
  if (stop) attempts.run(run, () => stop.abort(stopReason(cause)));
}

/** Reports that follow each other closely are merged: a handler may call it in a tight loop. */
function reportProgress(attempt: Attempt, fraction: number, message: string | null): void {
  if (current !== attempt) return;
  attempt.progress = { fraction, message: message ?? attempt.progress?.message ?? null };
  attempt.timer ??= setTimeout(() => flushProgress(attempt), MERGE_PROGRESS_MS);
}

function flushProgress(attempt: Attempt): void {
  if (attempt.timer) clearTimeout(attempt.timer);
  attempt.timer = null;
  if (attempt.progress) say({ say: "progress", run: attempt.run, ...attempt.progress });
  attempt.progress = null;
}

function submit(run: number, type: string, request: SubmitRequest): Promise<{ id: string }> {
  const call = ++lastCall;
  return new Promise((resolve, reject) => {
    calls.set(call, { resolve: (id) => resolve({ id }), reject });
    say({ say: "submit", run, call, type, request });
  });
}

function settleCall(message: Extract<ToChild, { call: number }>): void {
  const call = calls.get(message.call);
  calls.delete(message.call);
  if (message.say === "submitted") {
    call?.resolve(message.id);
    return;
  }
  const error = Object.assign(new Error(message.message), message.code === null ? {} : { code: message.code });
  error.name = message.name;
  call?.reject(error);
}

function say(message: FromChild, then?: () => void): void {
  if (process.connected && process.send) process.send(message, undefined, undefined, () => then?.());
  else then?.();
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => stream.write("", () => resolve()));
}

function uncaught(error: unknown): void {
  const run = attempts.getStore();
  const text = describeError(error);
  process.stderr.write(`${text}\n`);
  if (current && run !== undefined && run !== current.run) {
    retire = true;
    return;
  }
  if (current) say({ say: "crash", run: current.run, error: text }, () => void end());
  else void end();
}
process.on("uncaughtException", uncaught);
process.on("unhandledRejection", uncaught);

// A signal meant for the manager's whole tree (Ctrl-C, pm2) must not end a handler that the manager is waiting for.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

// The manager has closed the channel, or is gone: nobody will ever read what comes.
process.on("disconnect", () => void end());

/** Ends this process and whatever its handlers have started, once what it wrote has left it. */
async function end(): Promise<void> {
  await written(process.stdout);
  await written(process.stderr);
  process.kill(-process.pid, "SIGKILL");
}

// A handler that blocks the event loop cannot see that the manager has died; a thread of its own can. The manager's number comes
// from itself: had it died before this line, the system's answer would be whoever has inherited this process.
new Worker(
  `const { workerData: parent } = require("node:worker_threads");
   setInterval(() => {
     if (process.ppid === parent) return;
     process.kill(-process.pid, "SIGKILL");
   }, 1000);`,
  {
    eval: true,
    workerData: Number(process.argv[2]),
    execArgv: [],
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  },
).unref();
