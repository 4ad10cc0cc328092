import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { isName } from "../../../model/names";
import { childEntry } from "./child-entry";

/** Where a handler was found, or why not (a sentence). */
export type FoundHandler = { file: string } | { missing: string };

const PLAIN = ["js", "cjs", "mjs"];

/** Node 22.10 and later say so when they strip types themselves. */
const nodeStripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);

/**
 * Handler name → file in `handlersDir`: `name.js|cjs|mjs`, then `name/index.js|cjs|mjs`, then the
 * same as `.ts`. A TypeScript file counts when it can be loaded: from sources, or by Node itself,
 * else its compiled twin `<package>/dist/…/name.js` is taken. The name comes from the config, never
 * from a request, and obeys NAME, so that it cannot lead out of the folder.
 */
export function findHandler(name: string, handlersDir: string): FoundHandler {
  if (!isName(name)) return { missing: `"${name}" is not a name that a handler may have.` };
  const bases = [path.join(handlersDir, name), path.join(handlersDir, name, "index")];
  for (const base of bases) {
    for (const extension of PLAIN) if (isFile(`${base}.${extension}`)) return { file: `${base}.${extension}` };
  }
  for (const base of bases) {
    const source = `${base}.ts`;
    if (!isFile(source)) continue;
    if (childEntry.fromSources) return { file: source };
    const twin = compiledTwin(base);
    if (twin && isFile(twin)) return { file: twin };
    if (nodeStripsTypes) return { file: source };
    const where = twin ? ` at ${twin}` : "";
    return {
      missing: `${source} is TypeScript and has no compiled twin${where}: build it, or write the handler as .js, .cjs or .mjs.`,
    };
  }
  return {
    missing: `There is no handler "${name}" in ${handlersDir} (looked for ${name}.js, .cjs, .mjs, .ts, and the same in ${name}/index). Add the file, or name another with \`handler:\` in the config.`,
  };
}

/**
 * `<package>/handlers/name` → `<package>/dist/handlers/name.js`, the package being the nearest
 * folder with a package.json.
 */
function compiledTwin(base: string): string | null {
  for (let root = path.dirname(base); ; root = path.dirname(root)) {
    if (existsSync(path.join(root, "package.json"))) return `${path.join(root, "dist", path.relative(root, base))}.js`;
    if (root === path.dirname(root)) return null;
  }
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
