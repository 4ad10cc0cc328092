import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { PerformerConfig } from "../../../config/config";
import { passedEnvironment } from "../../../config/passed-environment";
import { describeError } from "../../../describe-error";
import { type ExactJsonObject, parseExact } from "../../../model/json/exact-json";
import type { Grant } from "../../../store/store";
import { type Failure, failure } from "../outcome";
import { idempotencyKeyOf, type RunHooks, type Runner, type RunResult } from "../runner";
import type { RunnerOptions } from "../runner-options";
import { timerMs } from "../timer";
import { CommandOutput } from "./command-output";
import { signalGroup } from "./group";
import { missingInterpreter } from "./program";
import { fillArguments, InvalidPayload, payloadAsCode } from "./template";

type CommandConfig = Extract<PerformerConfig, { kind: "command" }>;

/** How long output still in the pipes is waited for after the program has ended. */
const LAST_OUTPUT_MS = 500;

/**
 * A shell, or a program that catches the signal, says so with 128 + its number. Only the
 * signals that a supervisor sends to a whole process tree are recognised: a command that a drain
 * has ended is given back, not failed.
 */
const BY_SIGNAL: ReadonlyMap<number, string> = new Map([
  [130, "SIGINT"],
  [143, "SIGTERM"],
]);

/**
 * Performs a type by a program: no shell, an argument list, the payload as JSON on stdin, its own
 * process group.
 *
 *   result       the last line of stdout if it is JSON, byte for byte; otherwise, and for every
 *                failure,
 *                {"exit_code", "signal", "duration_ms", "stderr"} (stderr up to 64 KiB)
 *   result_text  stdout without its `::progress` lines, beginning and end of it up to `max_output`
 *
 * The program's end is the attempt's end: what it leaves running in its group is killed then.
 */
export function commandRunner(command: CommandConfig, options: RunnerOptions): Runner {
  const code = payloadAsCode(command.command);

  async function run(grant: Grant, hooks: RunHooks): Promise<RunResult> {
    if (code !== null) return failure("unsafe_command", unsafe(code), { permanent: true });
    if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
    try {
      const args = fillArguments(command.command.slice(1), parseExact(grant.payload) as ExactJsonObject);
      return await new CommandRun(command, args, grant, hooks, options).perform();
    } catch (error) {
      if (error instanceof InvalidPayload) return failure("invalid_payload", error.message, { permanent: true });
      return notStarted(command, error as NodeJS.ErrnoException);
    }
  }

  return { run, close: async () => {} };
}

class CommandRun {
  private readonly output: CommandOutput;
  private readonly startedAt = performance.now();
  private timers: NodeJS.Timeout[] = [];
  private cause: string | null = null;
  private killed = false;
  private process: ChildProcess | null = null;

  constructor(
    private readonly command: CommandConfig,
    private readonly args: string[],
    private readonly grant: Grant,
    private readonly hooks: RunHooks,
    options: RunnerOptions,
  ) {
    this.output = new CommandOutput(hooks, {
      // So that a result taken from the output is never larger than a result may be.
      outputBytes: Math.min(command.maxOutputBytes, options.maxResultBytes),
      logBytes: options.maxLogBytes,
    });
  }

  async perform(): Promise<RunResult> {
    const child = spawn(this.command.command[0]!, this.args, {
      cwd: this.command.cwd ?? undefined,
      env: environment(this.command.env, this.grant),
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.process = child;
    child.stdout.on("data", (chunk: Buffer) => this.output.writeStdout(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.output.writeStderr(chunk));
    // A program may end without reading its input.
    child.stdin.on("error", () => {});
    child.stdin.end(this.grant.payload);
    this.timers.push(setTimeout(() => this.stop("timeout"), timerMs(this.grant.timeoutMs)));
    this.hooks.stop.listen((cause) => this.stop(cause));
    try {
      const [code, signal] = await ended(child);
      return this.judge(code, signal);
    } finally {
      for (const timer of this.timers) clearTimeout(timer);
      this.hooks.stop.listen(null);
    }
  }

  /** TERM to the whole group, and KILL when the grace time is over. */
  private stop(cause: string): void {
    if (this.cause !== null) return;
    this.cause = cause;
    signalGroup(this.process?.pid, "SIGTERM");
    this.timers.push(
      setTimeout(() => {
        this.killed = true;
        signalGroup(this.process?.pid, "SIGKILL");
      }, this.command.graceMs),
    );
  }

  private judge(code: number | null, signal: NodeJS.Signals | null): RunResult {
    const durationMs = Math.round(performance.now() - this.startedAt);
    const how = signal ? `was ended by signal ${signal}` : `ended with exit code ${code}`;
    this.output.end(`${this.command.command[0]} ${how} after ${durationMs} ms`);
    if (this.cause !== null && this.cause !== "timeout") return { kind: "stopped", killed: this.killed };

    const resultText = this.output.stdoutText();
    const facts = { exit_code: code, signal, duration_ms: durationMs, stderr: this.output.stderrText() };
    const kept = { result: JSON.stringify(facts), resultText };
    if (this.cause === "timeout") {
      const grace = this.killed ? `, did not stop within ${this.command.graceMs} ms after SIGTERM and was killed` : "";
      return failure("timeout", `The command did not end within ${this.grant.timeoutMs} ms${grace}.`, kept);
    }
    if (code !== null && this.command.successCodes.includes(code)) {
      return { kind: "succeeded", result: this.output.lastJson() ?? kept.result, resultText };
    }
    const words = this.output.lastWords();
    const said = words === "" ? "" : ` It last wrote:\n${words}`;
    const named = code === null ? undefined : BY_SIGNAL.get(code);
    const why = named ? ` (the exit code of a shell whose child ${named} ended)` : "";
    return failure(signal || named ? "signal" : "exit_code", `The command ${how}${why}.${said}`, kept);
  }
}

/**
 * Resolves with exit code and signal once the program has ended, its group is gone and its output
 * is read; rejects if it never began.
 */
function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      if (child.pid === undefined) reject(error);
    });
    child.once("exit", (code, signal) => {
      signalGroup(child.pid, "SIGKILL");
      // A process that left the group may still hold the pipes open.
      const timer = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, LAST_OUTPUT_MS);
      child.once("close", () => {
        clearTimeout(timer);
        resolve([code, signal]);
      });
    });
  });
}

function environment(names: readonly string[], grant: Grant): Record<string, string> {
  const env: Record<string, string> = {
    ...passedEnvironment(names),
    TASKER_TASK_ID: grant.taskId,
    TASKER_IDENTIFIER: grant.identifier,
    TASKER_TYPE: grant.type,
    TASKER_ENDPOINT: grant.performer,
    TASKER_ATTEMPT: String(grant.attempt),
    TASKER_IDEMPOTENCY_KEY: idempotencyKeyOf(grant),
  };
  if (grant.job !== "") env.TASKER_JOB = grant.job;
  if (grant.traceparent !== null) env.TRACEPARENT = grant.traceparent;
  if (Object.values(env).some((value) => value.includes("\0"))) {
    throw new InvalidPayload("The task's identifier holds a NUL character, which no environment variable can carry.");
  }
  return env;
}

function notStarted(command: CommandConfig, error: NodeJS.ErrnoException): Failure {
  const program = command.command[0];
  if (command.cwd !== null && !existsSync(command.cwd)) {
    return failure("command_not_found", `The command's folder ${command.cwd} (cwd) does not exist.`, {
      permanent: true,
    });
  }
  switch (error.code) {
    case "ENOENT": {
      const why = missingInterpreter(program!, command.cwd, passedEnvironment(command.env).PATH);
      if (why !== null) return failure("command_not_executable", why, { permanent: true });
      return failure("command_not_found", `There is no program ${program} on this endpoint.`, { permanent: true });
    }
    case "EACCES":
    case "EPERM":
    case "ENOEXEC":
    case "ENOTDIR":
      return failure("command_not_executable", `${program} is there but may not be executed (${error.code}).`, {
        permanent: true,
      });
    case "E2BIG":
      return failure("invalid_payload", `The arguments for ${program} are longer than the system allows (E2BIG).`, {
        permanent: true,
      });
    default:
      return failure("command_not_started", `${program} could not be started: ${describeError(error, "sentence")}`);
  }
}

function unsafe(code: string): string {
  return (
    `The command of this type puts a payload's field into program text (${code}), where it would be run as code. Nothing was ` +
    'started. Hand the value over as an argument: [sh, -c, \'echo "$1"\', sh, "{{payload.name}}"].'
  );
}
