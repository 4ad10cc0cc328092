import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { usage } from "./failure";

/**
 * Refuses arguments that are not UTF-8. Node replaces each such byte by U+FFFD, which would change
 * the meaning of the word. Linux still has the original bytes; elsewhere the check is not possible.
 * Throws CliError.
 */
export function checkArguments(words: readonly string[]): void {
  if (!words.some((word) => word.includes("\ufffd"))) return;
  const at = bytesOfArguments(words.length).findIndex((bytes) => !isUtf8(bytes));
  if (at < 0) return;
  throw usage(
    `The argument ${JSON.stringify(words[at])} is not valid UTF-8`,
    "write it in UTF-8, or pass the payload in a file: --payload @file.json",
  );
}

/** The last `count` arguments of this process; none where the system does not provide them. */
function bytesOfArguments(count: number): Buffer[] {
  try {
    const line = readFileSync("/proc/self/cmdline", "latin1").replace(/\0$/, "");
    return line
      .split("\0")
      .slice(-count)
      .map((word) => Buffer.from(word, "latin1"));
  } catch {
    return [];
  }
}
