import { createInterface } from "node:readline/promises";
import type { RunMode } from "../config/config";
import { InitializeError } from "./step";

export interface InitializeOptions {
  /** As typed on the command line; TASKER_MODE may set the run mode too. */
  mode?: string;
  reset?: boolean;
  yes?: boolean;
  /** The name of the mode again, for a reset of production. */
  yesReset?: string;
  dryRun?: boolean;
  /** Creates users with the least rights: one for the API, one for managers of any endpoint. */
  separateUsers?: boolean;
  /** Creates users with the least rights for the manager of this endpoint. */
  endpoint?: string;
  /** With `endpoint`: the types it serves, separated by commas. @default all */
  types?: string;
  /** Sets new passwords for existing users too. */
  newPasswords?: boolean;
}

export interface InitializeIo {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
  error: NodeJS.WritableStream;
}

/** Throws unless production was named explicitly; a variable left in a shell is not enough. */
export function refuseProductionByChance(mode: RunMode, options: InitializeOptions): void {
  if (mode !== "production") return;
  if (options.mode !== "production") {
    throw new InitializeError(
      "not allowed",
      "This is production, and only TASKER_MODE says so: type --mode production.",
    );
  }
  if (options.reset && options.yesReset !== "production") {
    throw new InitializeError(
      "not allowed",
      "A reset of production deletes every task: it needs --mode production --yes-reset production.",
    );
  }
}

/** Asks on a terminal; without one `--yes` is required. False: the answer was no. */
export async function confirmed(options: InitializeOptions, io: InitializeIo): Promise<boolean> {
  if (options.yes || (options.reset && options.yesReset !== undefined)) return true;
  if (!io.input.isTTY)
    throw new InitializeError("usage", "There is no terminal to ask on: use --yes, or look first with --dry-run.");
  const [word, lost] = options.reset ? ["reset", "All that is stored there is lost. "] : ["yes", ""];
  const terminal = createInterface({ input: io.input, output: io.output });
  try {
    return (await terminal.question(`${lost}Type ${word} to go on: `)).trim() === word;
  } finally {
    terminal.close();
  }
}
