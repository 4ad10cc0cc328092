import type { z } from "zod";
import { ROOT } from "./keys";
import { REQUIRED, type Section } from "./table";

/** docs/reference/config.md, made from keys.ts. */

export interface ConfigKey {
  /** `task_types.*.timeout` */
  path: string;
  meaning: string;
  /** How an error message ends: "allowed: …". */
  allowed: string;
  /** As `config print` shows it; "": none. */
  fallback: string;
}

/** Every key that may be written, in the order of the tables. */
export function configKeys(keys: Section = ROOT, at = ""): ConfigKey[] {
  return Object.entries(keys).flatMap(([name, { schema, fallback, meaning, show, inner }]) => {
    const path = `${at}${name}`;
    const shown = fallback === REQUIRED ? "none" : (show(fallback) ?? "none");
    const text = typeof shown === "string" ? shown : JSON.stringify(shown);
    const isNothing = ["", "none", "[]", "{}"].includes(text);
    const own = { path, meaning, allowed: allowedBy(schema), fallback: isNothing ? "" : text };
    if (!inner) return [own];
    const inside = configKeys(inner.keys, `${path}${{ mapping: "", list: "[]", map: ".*" }[inner.as]}.`);
    return inner.as === "list" ? [own, ...inside] : inside;
  });
}

/** The message for a value that can never be right. */
function allowedBy(schema: z.ZodType): string {
  return schema.safeParse(Symbol("never right")).error?.issues[0]?.message ?? "";
}

export function configReference(): string {
  const keys = configKeys();
  const parts = Object.entries(ROOT).map(([name, { inner }]) => {
    const prefix = inner ? `${name}${inner.as === "map" ? ".*" : ""}.` : name;
    const rows = keys.filter(({ path }) => path.startsWith(prefix)).map((key) => row(key, inner ? prefix : ""));
    const table = ["| key | meaning | allowed | default |", "|---|---|---|---|", ...rows].join("\n");
    return inner ? `## \`${prefix.slice(0, -1).replace("*", "<name>")}\`\n\n${table}` : table;
  });
  return `${HEAD}\n${parts.join("\n\n")}\n`;
}

function row({ path, meaning, allowed, fallback }: ConfigKey, prefix: string): string {
  const value = fallback === "" ? "" : `\`${cell(fallback)}\``;
  return `| \`${path.slice(prefix.length)}\` | ${meaning} | ${cell(allowed)} | ${value} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

const HEAD = `# The config

<!-- Made by \`npm run docs:generate\` from src/config/keys.ts; do not edit. -->

The config is read from \`config/<run_mode>.config.yaml\`. \`TASKER_MODE\` names the run mode: \`embedded\` (the default), \`development\`,
\`test\` or \`production\`. \`TASKER_CONFIG\` names another file.

\`\${NAME}\` and \`\${NAME:-default}\` are replaced from the environment. \`TASKER_DATABASE_URI\`, \`TASKER_BROKER_URI\`, \`TASKER_API_HOST\`,
\`TASKER_API_PORT\`, \`TASKER_ENDPOINT\`, \`TASKER_HANDLERS\` and \`TASKER_LOG_LEVEL\` override the file. Durations are written \`30s\`, \`10m\`, \`2h\`,
sizes \`64kb\`, \`1mb\`. An unknown key is an error. \`tasker config check\` reports every problem. \`tasker config print --origin\` shows every value
and where it comes from.

Defaults are those of the embedded mode; default sizes are in bytes.
`;
