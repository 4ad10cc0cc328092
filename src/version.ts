import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The version in the package's package.json, in a folder above src/ and dist/src/. */
export const VERSION: string = versionAbove(__dirname);

function versionAbove(folder: string): string {
  try {
    const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: string; version?: string };
    if (found.name === "tasker" && found.version) return found.version;
  } catch {
    // Not here: try one folder up.
  }
  const parent = dirname(folder);
  return parent === folder ? "unknown" : versionAbove(parent);
}
