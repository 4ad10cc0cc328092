import { chmodSync, closeSync, openSync, statSync } from "node:fs";

const OTHERS = 0o007;

/**
 * Makes the file if it is not there, readable and writable for its owner alone. One that everybody
 * may read is made private, too; a mode that lets in a group is somebody's choice and stays.
 */
export function makePrivate(file: string): void {
  closeSync(openSync(file, "a", 0o600));
  closeToOthers(file);
}

/** As makePrivate, for a file that need not be there. */
export function closeToOthers(file: string): void {
  try {
    if (statSync(file).mode & OTHERS) chmodSync(file, 0o600);
  } catch (error) {
    // Not there, or another user's file: it is used as it is.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EPERM") throw error;
  }
}
