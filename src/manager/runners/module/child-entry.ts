import path from "node:path";
import { pathToFileURL } from "node:url";

const fromSources = __filename.endsWith(".ts");

/**
 * What a handler process is started with. Tests put the build's twin of this module in its place
 * where the build is fresh.
 */
export const childEntry = {
  file: path.join(__dirname, `child${path.extname(__filename)}`),
  /** The entry is TypeScript, and handlers may be so as well. */
  fromSources,
  execArgv: fromSources ? ["--import", pathToFileURL(require.resolve("tsx")).href] : [],
};
