import Module, { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

/**
 * A handler says `import { PermanentFailure } from "tasker"`. Where the package is installed beside
 * it, or the handler lies inside the package, Node finds it. A handlers folder elsewhere
 * (`handlers: /etc/tasker/handlers`) has no node_modules: for it, and only when Node itself finds
 * nothing, `tasker` resolves to the package that runs the handler.
 */
const extension = path.extname(__filename);
const root = path.join(__dirname, "..", "..", "..");
const PROVIDED: Record<string, string> = {
  tasker: path.join(root, `index${extension}`),
  "tasker/client": path.join(root, "client", `index${extension}`),
};

/**
 * Makes `tasker` resolvable for the handler in `file`, if it is not yet. Cheap where it already is.
 * Once provided, it is so for every file of the process.
 */
export function provideTasker(file: string): void {
  if (resolvable(file)) return;
  provideToRequire();
  provideToImport();
}

function resolvable(file: string): boolean {
  try {
    createRequire(file).resolve("tasker");
    return true;
  } catch {
    return false;
  }
}

type ResolveFilename = (this: unknown, request: string, ...rest: unknown[]) => string;

function provideToRequire(): void {
  // Not in Node's documented surface, but the one place every require passes through; tsx and
  // others stand on it as well.
  const loader = Module as unknown as { _resolveFilename?: ResolveFilename };
  const original = loader._resolveFilename;
  if (typeof original !== "function") return;
  loader._resolveFilename = function (request, ...rest) {
    try {
      return original.call(this, request, ...rest);
    } catch (error) {
      const own = PROVIDED[request];
      if (own === undefined) throw error;
      return own;
    }
  };
}

const IMPORT_HOOK = `
  let provided = {};
  export async function initialize(data) { provided = data; }
  export async function resolve(specifier, context, next) {
    try { return await next(specifier, context); }
    catch (error) { if (!Object.hasOwn(provided, specifier)) throw error; return next(provided[specifier], context); }
  }`;

function provideToImport(): void {
  if (typeof Module.register !== "function") return;
  const data = Object.fromEntries(Object.entries(PROVIDED).map(([name, file]) => [name, pathToFileURL(file).href]));
  Module.register(`data:text/javascript,${encodeURIComponent(IMPORT_HOOK)}`, { data });
}
