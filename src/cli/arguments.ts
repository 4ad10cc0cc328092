import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { usage } from "./failure";

/**
 * Node puts U+FFFD for each byte of an argument that is not UTF-8, and the word would mean something else from there on. Linux
 * still has the bytes; elsewhere nothing can be told. Throws CliError.
 */
export function checkArguments(words: readonly string[]): void {
  if (!words.some((word) => word.includes("\ufffd"))) return;
  const given = bytesOfArguments(words.length);
  const at = given.findIndex((bytes) => !isUtf8(bytes));
  if (at < 0) return;
  throw usage(
    `The argument ${JSON.stringify(words[at])} is not valid UTF-8`,
    "write it in UTF-8, or hand the payload over in a file: --payload @file.json",
  );
}

/** The last `count` arguments of this process; none where the system does not tell. */
function bytesOfArguments(count: number): Buffer[] {
  let line: Buffer;
  try {
    line = readFileSync("/proc/self/cmdline");
  } catch {
    return [];
  }
  const all: Buffer[] = [];
  for (let at = 0; at < line.length; ) {
    const end = line.indexOf(0, at);
    if (end < 0) break;
    all.push(line.subarray(at, end));
    at = end + 1;
  }
  return all.slice(-count);
}
