import { createInterface } from "node:readline/promises";
import type { RunMode } from "../config/config";
import { InitializeError, NOT_ALLOWED, USAGE } from "./step";

export interface InitializeOptions {
  /** As typed; the run mode may also come from TASKER_MODE. */
  mode?: string;
  reset?: boolean;
  yes?: boolean;
  /** The mode's name once more, for a reset in production. */
  yesReset?: string;
  dryRun?: boolean;
  /** Makes users with the least rights: one for the API, one for managers of any endpoint. */
  separateUsers?: boolean;
  /** Likewise, for a manager of this endpoint only. */
  endpoint?: string;
  /** With `endpoint`: the types it serves, with commas between; left out: all. */
  types?: string;
  /** Gives users that exist already new passwords too. */
  newPasswords?: boolean;
}

export interface InitializeIo {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
  error: NodeJS.WritableStream;
}

/** Throws unless production was meant: a variable left set in a shell is no reason to touch it. */
export function refuseProductionByChance(mode: RunMode, options: InitializeOptions): void {
  if (mode !== "production") return;
  if (options.mode !== "production") {
    throw new InitializeError("This is production, and only TASKER_MODE says so: type --mode production.", NOT_ALLOWED);
  }
  if (options.reset && options.yesReset !== "production") {
    throw new InitializeError(
      "A reset of production deletes every task: it needs --mode production --yes-reset production.",
      NOT_ALLOWED,
    );
  }
}

/** Asks on a terminal, needs `--yes` without one. False: the answer was no. A reset wants the word `reset`. */
export async function confirmed(options: InitializeOptions, io: InitializeIo): Promise<boolean> {
  if (options.yes || (options.reset && options.yesReset !== undefined)) return true;
  if (!io.input.isTTY)
    throw new InitializeError("There is no terminal to ask on: say --yes, or look first with --dry-run.", USAGE);
  const word = options.reset ? "reset" : "yes";
  const terminal = createInterface({ input: io.input, output: io.output });
  try {
    const answer = await terminal.question(
      options.reset ? "All that is stored there is lost. Type reset to go on: " : "Type yes to go on: ",
    );
    return answer.trim() === word;
  } finally {
    terminal.close();
  }
}
