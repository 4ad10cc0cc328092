import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder of the built web pages (`dist/ui`, beside the compiled sources), if they were built. */
export function uiDir(): string | undefined {
  const dir = join(__dirname, "..", "..", "ui");
  return existsSync(join(dir, "index.html")) ? dir : undefined;
}
