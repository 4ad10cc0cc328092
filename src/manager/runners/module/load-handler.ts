import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { describeError } from "../../../describe-error";
import type { HandleTask } from "../../../model/handler";
import { provideTasker } from "./provide-tasker";

/** The file is there but gives no handler. `message` is a sentence with the file's name. */
export class HandlerNotUsable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "HandlerNotUsable";
  }
}

/**
 * An ES module's SyntaxError says neither file nor line. V8 knows both, and Node writes them before
 * the stack of an error that leaves a script; so it is thrown once more.
 */
function located(error: unknown): unknown {
  if ((error as Error | null)?.name !== "SyntaxError") return error;
  try {
    runInNewContext("throw error", { error });
  } catch {
    // It is `error` itself.
  }
  return error;
}

/**
 * Imports a handler file and picks its `handleTask`, or its default export. Rejects with
 * HandlerNotUsable.
 */
export async function loadHandler(file: string): Promise<HandleTask> {
  provideTasker(file);
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new HandlerNotUsable(`The handler ${file} could not be loaded: ${describeError(located(error))}`, error);
  }
  // A CommonJS module's exports arrive as `default`, and a compiled `export default` one level
  // deeper.
  const inner = module.default as Record<string, unknown> | undefined;
  for (const candidate of [module.handleTask, inner?.handleTask, inner?.default, inner]) {
    if (typeof candidate === "function") return candidate as HandleTask;
  }
  throw new HandlerNotUsable(
    `The handler ${file} exports no function \`handleTask\` (found: ${Object.keys(module).join(", ") || "nothing"}). ` +
      "Write `export async function handleTask(payload, context) { … }`.",
  );
}
