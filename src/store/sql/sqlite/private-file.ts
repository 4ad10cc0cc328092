import { chmodSync, closeSync, openSync, statSync } from "node:fs";

const OTHERS = 0o007;

/**
 * Creates a missing file that only its owner may read and write. Makes an existing file private if
 * everybody may read it; a group's rights stay.
 */
export function makePrivate(file: string): void {
  closeSync(openSync(file, "a", 0o600));
  closeToOthers(file);
}

/** Makes a file private if it exists. */
export function closeToOthers(file: string): void {
  try {
    if (statSync(file).mode & OTHERS) chmodSync(file, 0o600);
  } catch (error) {
    // The file is missing, or another user's: it stays as it is.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EPERM") throw error;
  }
}
