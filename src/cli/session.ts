import type { Command } from "commander";
import { TaskerClient } from "../client";
import { type ClientSettings, clientSettings } from "../config/client-settings";
import { exactJson } from "../model/json/exact-json";
import { Output, type OutputOptions } from "./output";

export interface CommonOptions extends OutputOptions {
  url?: string;
  context?: string;
  debug?: boolean;
}

/** The output and the server of one command. */
export class Session {
  readonly out: Output;
  private known: ClientSettings | null = null;
  private made: TaskerClient | null = null;

  constructor(readonly options: CommonOptions) {
    this.out = new Output(options);
  }

  /** Throws ConfigError. */
  get settings(): ClientSettings {
    this.known ??= clientSettings(this.options);
    return this.known;
  }

  get client(): TaskerClient {
    if (!this.made) {
      const { url, apiKey } = this.settings;
      this.made = new TaskerClient({ url, retries: 3, json: exactJson, ...(apiKey === null ? {} : { apiKey }) });
    }
    return this.made;
  }
}

/** The options for output. */
export function withOutput(command: Command): Command {
  return command
    .option("--json", "write one JSON document to standard output")
    .option("-q, --quiet", "write ids only")
    .option("--no-color", "use no colours (as NO_COLOR)")
    .option("--debug", "show the stack of an error");
}

/** The options for output and server. */
export function withServer(command: Command): Command {
  return withOutput(
    command
      .option("--url <url>", "the API's address (default: TASKER_URL, the context's, or http://127.0.0.1:3000)")
      .option("--context <name>", "a server from `tasker context list`"),
  );
}

// biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing
type Action = (session: Session, ...args: never[]) => Promise<number | void> | number | void;

/** Help text with examples. */
export function examples(...lines: string[]): string {
  return `\nExample${lines.length > 1 ? "s" : ""}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/**
 * Sets a command's action. It receives the session, the arguments and the options; it returns the
 * exit code, or nothing for 0.
 */
export function act(command: Command, action: Action): Command {
  return command.action(async (...args: unknown[]) => {
    args.pop();
    const session = new Session(args.at(-1) as CommonOptions);
    process.exitCode = (await action(session, ...(args as never[]))) ?? 0;
  });
}
