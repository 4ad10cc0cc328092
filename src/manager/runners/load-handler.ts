import { pathToFileURL } from "node:url";
import type { HandleTask } from "../../model/handler";
import { provideTasker } from "./provide-tasker";

/** The file is there but gives no handler. `message` is a sentence with the file's name. */
export class HandlerNotUsable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "HandlerNotUsable";
  }
}

/** Imports a handler file and picks its `handleTask`, or its default export. Rejects with HandlerNotUsable. */
export async function loadHandler(file: string): Promise<HandleTask> {
  provideTasker(file);
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new HandlerNotUsable(`The handler ${file} could not be loaded: ${(error as Error)?.message ?? error}`, error);
  }
  // A CommonJS module's exports arrive as `default`, and a compiled `export default` one level deeper.
  const inner = module.default as Record<string, unknown> | undefined;
  for (const candidate of [module.handleTask, inner?.handleTask, inner?.default, inner]) {
    if (typeof candidate === "function") return candidate as HandleTask;
  }
  throw new HandlerNotUsable(
    `The handler ${file} exports no function \`handleTask\` (found: ${Object.keys(module).join(", ") || "nothing"}). ` +
      "Write `export async function handleTask(payload, context) { … }`.",
  );
}
