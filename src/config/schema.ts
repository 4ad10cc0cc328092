import { isIP } from "node:net";
import { z } from "zod";
import { NAME } from "../model/names";
import { DURATION, LONGEST_MS, LONGEST_TIMER_MS, parseDuration, parseSize, SIZE } from "./loading/units";

/**
 * The config as it is written. Every `error` is what the message calls "allowed"; problems.ts adds the rest of the sentence.
 * Nothing has a default here: complete.ts puts in what was left out, so that it is known which values were given.
 */

const text = (allowed: string) => z.string({ error: allowed }).min(1, { error: allowed });
/** What comes from a variable, `"${PORT}"`, is a text even where a number or a flag is meant. */
const fromText = <T extends z.ZodType>(pattern: RegExp, schema: T) =>
  z.preprocess((value) => (typeof value === "string" && pattern.test(value) ? JSON.parse(value) : value), schema);

const flag = fromText(/^(true|false)$/, z.boolean({ error: "true or false" }));

const whole = (least: number, most: number) => {
  const error = `a whole number from ${least} to ${most}`;
  return fromText(/^(0|[1-9]\d{0,14})$/, z.int({ error }).min(least, { error }).max(most, { error }));
};

const number = (least: number, most: number) => {
  const error = `a number from ${least} to ${most}`;
  return fromText(/^(0|[1-9]\d{0,14})(\.\d+)?$/, z.number({ error }).min(least, { error }).max(most, { error }));
};

/** Milliseconds. */
const duration = (leastMs: number, mostMs = LONGEST_TIMER_MS, also?: "never") => {
  const error = `${DURATION}${also ? `, or ${also}` : ""}${leastMs > 0 ? ", more than 0" : ""}${mostMs < LONGEST_MS ? ", at most 24d" : ", at most 3650d"}`;
  return z
    .string({ error })
    .refine((value) => value === also || within(parseDuration(value), leastMs, mostMs), { error })
    .transform((value) => parseDuration(value));
};

/** Bytes. */
const size = (least: number, most: number, mostText: string) => {
  const error = `${SIZE}, at most ${mostText}`;
  return z
    .string({ error })
    .refine((value) => within(parseSize(value), least, most), { error })
    .transform((value) => parseSize(value)!);
};

function within(value: number | null, least: number, most: number): boolean {
  return value !== null && value >= least && value <= most;
}

const NAME_TEXT =
  "a name of 1 to 63 characters: small letters, digits, `.`, `_` and `-`, beginning with a letter or digit";
const name = z.string({ error: NAME_TEXT }).regex(NAME, { error: NAME_TEXT });

const list = <T extends z.ZodType>(item: T, allowed: string) => z.array(item, { error: allowed });
const names = list(name, "a list of names");
const section = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, { error: sectionError });
const sectionError = (issue: { code?: string }) =>
  issue.code === "invalid_type" ? "a mapping (key: value)" : undefined;

const uri = (schemes: readonly string[], allowed: string) =>
  z
    .string({ error: allowed })
    .refine((value) => schemes.some((scheme) => value.startsWith(scheme)) && isUri(value), { error: allowed });

function isUri(value: string): boolean {
  return /^(sqlite|embedded):/.test(value) || URL.canParse(value);
}

const files = (what: string) => text(`the path of ${what} (PEM)`);
const tls = section({
  ca: files("the authority's certificate").optional(),
  cert: files("our certificate").optional(),
  key: files("our certificate's key").optional(),
  verify: flag.optional(),
});

const argument = z.string({ error: "a text (put a number into quotes)" });

export const taskTypeSchema = section({
  handler: name.optional(),
  command: z
    .array(argument, { error: "a list: [program, argument, …]" })
    .min(1, { error: "a list with at least the program: [program, argument, …]" })
    .optional(),
  http: section({
    allow_hosts: list(text("a host, or host:port"), "a list of hosts, or host:port").min(1, {
      error: "at least one host, or host:port",
    }),
    success_statuses: list(whole(100, 599), "a list of HTTP statuses").optional(),
    max_body: size(0, 64 * 1024 ** 2, "64mb").optional(),
    max_redirects: whole(0, 20).optional(),
    timeout: duration(1).optional(),
  }).optional(),
  success_codes: list(whole(0, 255), "a list of exit codes").optional(),
  env: list(text("the name of an environment variable"), "a list of names of environment variables").optional(),
  cwd: text("the path of a folder").optional(),
  max_output: size(0, 64 * 1024 ** 2, "64mb").optional(),
  grace: duration(0).optional(),
  deliver: z.enum(["each", "one"], { error: "each or one" }).optional(),
  endpoints: names.optional(),
  concurrency: whole(1, 300).optional(),
  timeout: duration(1).optional(),
  wait_for_endpoints_timeout: duration(0).optional(),
  expires: duration(1, LONGEST_MS, "never").optional(),
  keep: duration(1, LONGEST_MS, "never").optional(),
  attempts: whole(1, 1000).optional(),
  backoff: section({
    first: duration(0).optional(),
    factor: number(1, 100).optional(),
    max: duration(0).optional(),
  }).optional(),
  isolation: z.enum(["process", "inline"], { error: "process or inline" }).optional(),
  reuse: flag.optional(),
  claim: z.enum(["first", "late"], { error: "first or late" }).optional(),
  priority: whole(0, 9).optional(),
  payload_schema: z
    .record(z.string(), z.json(), { error: "a JSON Schema (draft 2020-12), written as a mapping" })
    .optional(),
  single_run: flag.optional(),
  legacy_get: flag.optional(),
  jobs: names.min(1, { error: "at least one handler's name" }).optional(),
  submits: names.optional(),
});

export const SCOPES = ["read", "submit", "operate", "admin"] as const;

const apiKeySchema = section({
  name: text("a name for the key"),
  key: text("the key's secret, at least 16 characters")
    .min(16, { error: "a secret of at least 16 characters" })
    .optional(),
  hash: z
    .string({ error: "sha256: and 64 hexadecimal digits" })
    .regex(/^sha256:[0-9a-f]{64}$/i, { error: "sha256: and 64 hexadecimal digits" })
    .optional(),
  scopes: list(z.enum(SCOPES, { error: SCOPES.join(", ") }), `a list of ${SCOPES.join(", ")}`).optional(),
  types: names.optional(),
});

const PROXIES = "a number of proxies from 0 to 10, or a list of their addresses and networks (10.0.0.1, 10.0.0.0/8)";
const network = z.string({ error: PROXIES }).refine(isNetwork, { error: PROXIES });
const trustedProxies = z.union(
  [
    fromText(/^\d{1,2}$/, z.int({ error: PROXIES }).min(0, { error: PROXIES }).max(10, { error: PROXIES })),
    z.array(network),
  ],
  { error: PROXIES },
);

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)]!;
  return rest.length === 0 && (bits === undefined ? longest > 0 : /^\d{1,3}$/.test(bits) && Number(bits) <= longest);
}

export const apiSchema = section({
  host: text("a host name or address").optional(),
  port: whole(0, 65535).optional(),
  wait_for_endpoints_timeout: duration(0).optional(),
  max_body: size(1, 64 * 1024 ** 2, "64mb").optional(),
  max_wait: duration(0).optional(),
  keys: list(apiKeySchema, "a list of keys, each with name and key or hash").optional(),
  key_in_url: flag.optional(),
  trust_proxy: trustedProxies.optional(),
  rate_limit: section({ window: duration(1), requests: whole(1, 1_000_000_000) }).optional(),
  outbox_limit: whole(1, 100_000_000).optional(),
  max_result: size(1, 64 * 1024 ** 2, "64mb").optional(),
  drain_timeout: duration(0).optional(),
  base_path: z
    .string({ error: "a path that begins with / and does not end with one" })
    .regex(/^(\/[A-Za-z0-9._~-]+)*$/, { error: "a path that begins with / and does not end with one" })
    .optional(),
});

const endpointNames = z.union([name, names], { error: "the endpoint's name, or a list of names" });

export const managerSchema = section({
  endpoint: endpointNames.optional(),
  endpoints: names.optional(),
  labels: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]), {
      error: "a mapping of labels to texts, numbers or true and false",
    })
    .optional(),
  types: names.optional(),
  drain_timeout: duration(0).optional(),
  heartbeat: duration(100).optional(),
  ttl: duration(300).optional(),
  grace: duration(0).optional(),
  max_result: size(1, 64 * 1024 ** 2, "64mb").optional(),
  max_log: size(0, 64 * 1024 ** 2, "64mb").optional(),
  spool: text("the path of a folder").optional(),
  slot: text("a short text").optional(),
  host: text("a host name or address").optional(),
  port: whole(0, 65535).optional(),
});

export const DATABASE_URI = "mysql://user:password@host/database, or sqlite:path";
export const BROKER_URI = "amqp://user:password@host/vhost, amqps://…, or embedded:";

export const databaseSchema = section({
  uri: uri(["mysql://", "mariadb://", "sqlite:"], DATABASE_URI).optional(),
  admin_uri: uri(["mysql://", "mariadb://"], "mysql://administrator:password@host").optional(),
  pool_size: whole(1, 1000).optional(),
  deadline: duration(100).optional(),
  tls: tls.optional(),
});

export const brokerSchema = section({
  uri: uri(["amqp://", "amqps://", "embedded:"], BROKER_URI).optional(),
  queue_type: z.enum(["classic", "quorum"], { error: "classic or quorum" }).optional(),
  heartbeat: whole(0, 3600).optional(),
  tls: tls.optional(),
});

export const rabbitmqSchema = section({
  management_uri: uri(["http://", "https://"], "http://host:15672 of RabbitMQ's management plugin"),
  user: text("the administrator's name"),
  password: text("the administrator's password"),
});

const LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

export const logSchema = section({
  level: z.enum(LEVELS, { error: LEVELS.join(", ") }).optional(),
  pretty: flag.optional(),
});

/** The whole file; `z.toJSONSchema(configSchema, { io: "input" })` is what editors and the reference page use. */
export const configSchema = section({
  handlers: text("the path of a folder").optional(),
  task_types: z.record(z.string(), taskTypeSchema, { error: "a mapping of task types" }).optional(),
  api: apiSchema.optional(),
  manager: managerSchema.optional(),
  database: databaseSchema.optional(),
  broker: brokerSchema.optional(),
  rabbitmq: rabbitmqSchema.optional(),
  log: logSchema.optional(),
});

export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenTaskType = z.output<typeof taskTypeSchema>;
