import { configValues } from "../../config/loading/values";
import type { Json } from "../../model/json/json";
import { VERSION } from "../../version";
import type { Call } from "../request/call";
import { noQuery } from "../request/query";
import { noStore, type Reply } from "../request/reply";

/** `GET /system` → version, run mode and the config as used, without secrets and arguments. */
export async function system(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const { config } = call.api;
  const view = {
    version: VERSION,
    node: process.version,
    run_mode: config.runMode,
    config_file: config.file,
    config: nested(configValues(config)),
  };
  return noStore(200, view);
}

type Tree = { [key: string]: Json };

function nested(values: ReadonlyArray<{ path: string[]; value: Json }>): Tree {
  const root: Tree = Object.create(null) as Tree;
  for (const { path, value } of values) {
    let at = root;
    for (const name of path.slice(0, -1)) {
      at[name] ??= Object.create(null) as Tree;
      at = at[name] as Tree;
    }
    // Arguments may hold secrets; which program it is does not.
    at[path.at(-1)!] = path.at(-1) === "command" && Array.isArray(value) ? [value[0] ?? "", "…"] : value;
  }
  return root;
}
