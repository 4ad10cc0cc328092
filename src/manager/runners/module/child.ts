import { AsyncLocalStorage } from "node:async_hooks";
import { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { watchEnvironment } from "../../../config/handler-environment";
import { describeError } from "../../../describe-error";
import type { HandleTask, SubmitRequest } from "../../../model/handler";
import type { JsonObject } from "../../../model/json/json";
import { type Failure, failure, returned, type Success, threw } from "../outcome";
import { CHANNEL_FD, Channel } from "./channel";
import { type ContextCalls, HandlerContext, type HandlerFacts, handled, stopReason } from "./context";
import { Footprint } from "./footprint";
import type { FromChild, ToChild } from "./ipc";
import { HandlerNotUsable, loadHandler } from "./load-handler";

/**
 * The entry of a handler process: user code runs here and nowhere else. One attempt at a time; it
 * takes its orders from a channel, and ends when the channel does. It leads its own process group,
 * so that one signal ends all that handlers start.
 *
 * What an earlier attempt left behind (a timer that throws, a promise that rejects late) is told
 * apart by the async context it was started in: it never fails the attempt that runs now, but this
 * process takes no further one. What an attempt changed of the process is put back or ends it
 * (footprint.ts).
 */
const MERGE_PROGRESS_MS = 50;

interface Attempt {
  run: number;
  stop: AbortController | null;
  stopCause: string | null;
  progress: { fraction: number; message: string | null } | null;
  timer: NodeJS.Timeout | null;
}

/** Taken before user code runs: a handler may replace what it finds in its process. */
const { parse, stringify } = JSON;
const { Promise: Later, setTimeout, clearTimeout, setImmediate } = globalThis;
const { stdout, stderr, pid } = process;
const kill = process.kill.bind(process);
const activeResources = process.getActiveResourcesInfo.bind(process);
const print = stdout.write.bind(stdout);
const printError = stderr.write.bind(stderr);

const attempts = new AsyncLocalStorage<number>();
const calls = new Map<number, { resolve(id: string): void; reject(error: Error): void }>();
let current: Attempt | null = null;
let retire = false;
/** This process ends and takes nothing any more. */
let ending = false;
let lastCall = 0;
let loaded: HandleTask | null = null;
let footprint: Footprint | null = null;
/** An attempt has ended, and what it has changed is not looked at yet. */
let unchecked = false;

watchEnvironment();
const channel = new Channel<FromChild>(
  new Socket({ fd: CHANNEL_FD, readable: true, writable: true }),
  (message) => heard(message as ToChild),
  // The manager has closed the channel, or is gone: nobody will ever read what comes.
  () => void end(),
);

function heard(message: ToChild): void {
  if (ending) return;
  if (message.say === "run") void perform(message);
  else if (message.say === "stop") stop(message.run, message.cause);
  else settleCall(message);
}

async function perform(message: Extract<ToChild, { say: "run" }>): Promise<void> {
  const { run, file, maxResultBytes, reuse } = message;
  if (changed(run)) return;
  const attempt: Attempt = { run, stop: null, stopCause: null, progress: null, timer: null };
  current = attempt;
  channel.send({ say: "started", run });
  let result: Success | Failure;
  let thrown = false;
  try {
    result = await attempts.run(run, async () => {
      const handler = loaded ?? (await loadHandler(file));
      loaded = handler;
      if (reuse) footprint ??= new Footprint();
      return returned(await handle(handler, attempt, message), maxResultBytes);
    });
  } catch (error) {
    thrown = true;
    // A module that failed to load stays failed in Node's cache: the next attempt gets a new
    // process.
    if (error instanceof HandlerNotUsable) {
      retire = true;
      result = failure("handler_not_usable", error.message);
    } else result = threw(error);
  }
  // By then a promise that the handler left rejected has been reported.
  await new Later<void>((resolve) => setImmediate(resolve));
  flushProgress(attempt);
  // Sub-processes that the handler did not wait for are ended with this process.
  if (!reuse || activeResources().includes("ProcessWrap")) retire = true;
  await written(stdout, print);
  await written(stderr, printError);
  current = null;
  channel.send({ say: "done", run, threw: thrown, retire, ...result });
  // Once the answer is on its way; or when the next attempt comes, if it is quicker.
  unchecked = true;
  if (!retire) setImmediate(() => void (unchecked && changed(run)));
}

function handle(handler: HandleTask, attempt: Attempt, facts: HandlerFacts): unknown {
  const calls: ContextCalls = {
    signal: () => signalOf(attempt),
    progress: (fraction, text) => reportProgress(attempt, fraction, text),
    log: (text) => void print(text),
    submit: (type, request) => submit(attempt.run, type, request),
  };
  return handled(facts, (traceparent) =>
    handler(parse(facts.payloadText) as JsonObject, new HandlerContext(facts, traceparent, calls)),
  );
}

/**
 * Puts back what can be; ends this process if the last attempt, or what it left running, has
 * changed more.
 */
function changed(run: number): boolean {
  const what = (unchecked ? footprint?.restore() : footprint?.restorePlace()) ?? null;
  unchecked = false;
  if (what === null) return false;
  ending = true;
  channel.send({ say: "leaving", run, what }, () => void end());
  return true;
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
  if (attempt.progress) channel.send({ say: "progress", run: attempt.run, ...attempt.progress });
  attempt.progress = null;
}

function submit(run: number, type: string, request: SubmitRequest): Promise<{ id: string }> {
  const call = ++lastCall;
  const body = stringify(request);
  return new Later((resolve, reject) => {
    calls.set(call, { resolve: (id) => resolve({ id }), reject });
    channel.send({ say: "submit", run, call, type, request: body });
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

function written(stream: NodeJS.WriteStream, write: NodeJS.WriteStream["write"]): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return Later.resolve();
  return new Later((resolve) => write("", () => resolve()));
}

function uncaught(error: unknown): void {
  // Nothing may keep a process that ends.
  if (ending) kill(-pid, "SIGKILL");
  const run = attempts.getStore();
  const text = describeError(error);
  printError(`${text}\n`);
  if (current && run !== undefined && run !== current.run) {
    retire = true;
    return;
  }
  if (current) channel.send({ say: "crash", run: current.run, error: text }, () => void end());
  else void end();
}
process.on("uncaughtException", uncaught);
process.on("unhandledRejection", uncaught);

// A signal meant for the manager's whole tree (Ctrl-C, pm2) must not end a handler that the manager
// is waiting for.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

/** Ends this process and whatever its handlers have started, once what it wrote has left it. */
async function end(): Promise<void> {
  ending = true;
  await written(stdout, print);
  await written(stderr, printError);
  kill(-pid, "SIGKILL");
}

// A handler that blocks the event loop cannot see that the manager has died; a thread of its own
// can. The manager's number comes from itself: had it died before this line, the system would
// answer with the process that has inherited this one.
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
