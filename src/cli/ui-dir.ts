import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder of the built web pages (`dist/ui`); undefined: they were not built. */
export function uiDir(): string | undefined {
  const dir = join(__dirname, "..", "..", "ui");
  return existsSync(join(dir, "index.html")) ? dir : undefined;
}
