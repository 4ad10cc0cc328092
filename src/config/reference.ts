import { z } from "zod";
import { configFrom } from "./loading/load";
import { configValues } from "./loading/values";
import { MEANINGS } from "./meanings";
import { configSchema } from "./schema";

/** docs/reference/config.md, made from the schema, its defaults and meanings.ts. */

export interface ConfigKey {
  /** `task_types.*.timeout` */
  path: string;
  /** What the error message calls allowed. */
  allowed: string;
}

/** Every key that may be written, in the order of the schema. */
export function configKeys(schema: z.ZodType = configSchema, path = ""): ConfigKey[] {
  const inner = schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema;
  if (inner instanceof z.ZodObject) {
    const at = path === "" ? "" : `${path}.`;
    return Object.entries(inner.shape).flatMap(([key, value]) => configKeys(value as z.ZodType, at + key));
  }
  if (inner instanceof z.ZodRecord && inner.valueType instanceof z.ZodObject) {
    return configKeys(inner.valueType as z.ZodType, `${path}.*`);
  }
  const own = { path, allowed: allowedBy(inner) };
  if (inner instanceof z.ZodArray && inner.element instanceof z.ZodObject) {
    return [own, ...configKeys(inner.element as z.ZodType, `${path}[]`)];
  }
  return [own];
}

/** The message for what can never be right. */
function allowedBy(schema: z.ZodType): string {
  return schema.safeParse(Symbol("never right")).error?.issues[0]?.message ?? "";
}

const SECTIONS: ReadonlyArray<[prefix: string, title: string]> = [
  ["task_types.*", "`task_types.<name>`"],
  ["api", "`api`"],
  ["manager", "`manager`"],
  ["database", "`database`"],
  ["broker", "`broker`"],
  ["rabbitmq", "`rabbitmq`"],
  ["log", "`log`"],
];

export function configReference(): string {
  const defaults = defaultValues();
  const keys = configKeys();
  const row = ({ path, allowed }: ConfigKey, prefix: string) => {
    const name = path.startsWith(`${prefix}.`) ? path.slice(prefix.length + 1) : path;
    const value = defaults.get(path);
    return `| \`${name}\` | ${MEANINGS[path] ?? ""} | ${cell(allowed)} | ${value === undefined ? "" : `\`${cell(value)}\``} |`;
  };
  const table = (prefix: string, rows: ConfigKey[]) =>
    ["| key | meaning | allowed | default |", "|---|---|---|---|", ...rows.map((key) => row(key, prefix))].join("\n");
  const parts = SECTIONS.map(([prefix, title]) => {
    const own = keys.filter(({ path }) => path.startsWith(`${prefix}.`));
    return `## ${title}\n\n${table(prefix, own)}\n`;
  });
  const top = keys.filter(({ path }) => !SECTIONS.some(([prefix]) => path.startsWith(`${prefix}.`)));
  return `${HEAD}\n${table("", top)}\n\n${parts.join("\n")}`;
}

/** As they are in the embedded mode; what depends on where the process runs has none. */
function defaultValues(): Map<string, string> {
  const config = configFrom({ task_types: { example: {} } }, { cwd: "/" });
  const values = configValues(config).map(({ path, value }): [string, string] => {
    const key = path.map((step, i) => (path[0] === "task_types" && i === 1 ? "*" : step)).join(".");
    return [key, typeof value === "string" ? value : JSON.stringify(value)];
  });
  const told = values.filter(([, value]) => value !== "" && value !== "none" && value !== "[]" && value !== "{}");
  return new Map(told.filter(([key]) => !PLACES.includes(key)));
}

const PLACES = ["handlers", "manager.spool", "task_types.*.handler", "manager.endpoints", "log.pretty"];

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

const HEAD = `# The config

<!-- Made by \`npm run docs:generate\` from src/config/schema.ts; do not edit. -->

\`config/<run_mode>.config.yaml\`, where \`TASKER_MODE\` names the run mode (\`embedded\` if left out, \`development\`, \`test\`, \`production\`);
or the file that \`TASKER_CONFIG\` names. \`\${NAME}\` and \`\${NAME:-default}\` are read from the environment; \`TASKER_DATABASE_URI\`, \`TASKER_BROKER_URI\`,
\`TASKER_API_HOST\`, \`TASKER_API_PORT\`, \`TASKER_ENDPOINT\` and \`TASKER_HANDLERS\` stand over the file. Durations are written \`30s\`, \`10m\`, \`2h\`,
sizes \`64kb\`, \`1mb\`. An unknown key is an error. \`tasker config check\` says everything that is wrong, \`tasker config print --origin\` what is
used and where it comes from.

Defaults are those of the embedded mode; sizes are in bytes.
`;
