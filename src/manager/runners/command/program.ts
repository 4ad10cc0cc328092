import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import path from "node:path";

/** What a kernel reads of a script's first line. */
const HEAD_BYTES = 256;

/**
 * The system says "no such file" both for a program that is not there and for one whose interpreter
 * is not. Returns a sentence about the interpreter of the program that `name` means; null: there is
 * no such program.
 */
export function missingInterpreter(name: string, cwd: string | null, searchPath: string | undefined): string | null {
  const file = fileOf(name, cwd ?? process.cwd(), searchPath ?? "");
  if (file === null) return null;
  const head = headOf(file);
  if (head === null) return null;
  if (!head.startsWith("#!")) {
    return `${file} is there but could not be started: the program that has to load it (its dynamic linker) is missing.`;
  }
  const line = head.slice(2).split("\n", 1)[0]!;
  const [interpreter = ""] = line.trimStart().split(/[ \t]/, 1);
  if (interpreter.endsWith("\r")) {
    return (
      `${file} is a script with Windows line ends (CRLF): the system looks for an interpreter named ` +
      `"${interpreter.slice(0, -1)}\\r". Save it with LF line ends.`
    );
  }
  return `${file} is a script whose first line names the interpreter ${interpreter || '""'}, which is not on this endpoint.`;
}

function fileOf(name: string, cwd: string, searchPath: string): string | null {
  if (name.includes("/")) return isProgram(path.resolve(cwd, name)) ? path.resolve(cwd, name) : null;
  const folders = searchPath.split(":").map((folder) => path.resolve(cwd, folder || "."));
  return folders.map((folder) => path.join(folder, name)).find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Null: it may be executed but not read. */
function headOf(file: string): string | null {
  try {
    const handle = openSync(file, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.toString("latin1", 0, readSync(handle, head, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(handle);
    }
  } catch {
    return null;
  }
}
