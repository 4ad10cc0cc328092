import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const ROOT = resolve(__dirname, "../..");

export interface Source {
  /** From the root, with forward slashes: `src/tasks/create.ts`. */
  name: string;
  text: string;
  lines: number;
  imports: Import[];
}

export interface Import {
  /** A source of ours, from the root; null: a package. */
  file: string | null;
  /** As written: `../model/task`, `express`, `ajv/dist/2020`. */
  written: string;
}

/** Every TypeScript file below these folders, with what it imports. */
export function sources(folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => filesBelow(join(ROOT, folder)))
    .map((file) => {
      const text = withoutComments(readFileSync(file, "utf8"));
      const lines = readFileSync(file, "utf8").trimEnd().split("\n").length;
      return { name: fromRoot(file), text, lines, imports: importsOf(file, text) };
    });
}

/** `from "x"`, `import "x"`, `import("x")`, `require("x")`, and `require.resolve("x")`, by which child processes are named. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*)(["'])([^"'\n]+)\1/g;

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, , written]) => {
    if (!written!.startsWith(".")) return { file: null, written: written! };
    const base = resolve(dirname(file), written!);
    const found = [base, `${base}.ts`, `${base}.tsx`, join(base, "index.ts"), base.replace(/\.js$/, ".ts")].find(
      (one) => /\.\w+$/.test(one) && existsSync(one),
    );
    return { file: fromRoot(found ?? base), written: written! };
  });
}

// A string may hold `//`, as in a URL: strings are matched first, and stay.
function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, kept) => kept ?? "",
  );
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesBelow(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

function fromRoot(file: string): string {
  return relative(ROOT, file).replaceAll("\\", "/");
}

/** Each ring of imports once, as its names in order. */
export function cycles(all: readonly Source[]): string[][] {
  const byName = new Map(all.map((source) => [source.name, source]));
  const done = new Set<string>();
  const found: string[][] = [];
  const walk = (name: string, path: string[]): void => {
    const seen = path.indexOf(name);
    if (seen >= 0) {
      found.push([...path.slice(seen), name]);
      return;
    }
    if (done.has(name)) return;
    for (const { file } of byName.get(name)?.imports ?? []) {
      if (file !== null && byName.has(file)) walk(file, [...path, name]);
    }
    done.add(name);
  };
  for (const { name } of all) walk(name, []);
  return found;
}
