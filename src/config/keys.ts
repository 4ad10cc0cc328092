import { createHash } from "node:crypto";
import { z } from "zod";
import type { JsonObject } from "../model/json/json";
import { SCOPES } from "../model/scopes";
import {
  duration,
  flag,
  list,
  matching,
  name,
  names,
  oneOf,
  proxies,
  size,
  text,
  timeText,
  uri,
  uriText,
  whole,
} from "./formats";
import { complete, group, hidden, key, REQUIRED, type Section, schemaOf } from "./table";
import { TASK_TYPE } from "./task-type-keys";

/** Every key of the config. Durations are in milliseconds, sizes in bytes. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const KB = 1024;
const MB = 1024 * KB;
const orAll = (types: string[] | null) => types ?? "all";

export const DATABASE_URI = "mysql://user:password@host/database, or sqlite:path";
export const BROKER_URI = "amqp://user:password@host/vhost, amqps://…, or embedded:";
const MYSQL = ["mysql://", "mariadb://"];

const API_KEY = {
  name: key("name", text("a name for the key"), REQUIRED, "name in the audit trail"),
  key: key(
    "key",
    text("the key's secret, at least 16 characters").min(16, { error: "a secret of at least 16 characters" }),
    null,
    "the secret, preferably as `${VARIABLE}`",
  ),
  hash: key("hash", matching(/^sha256:[0-9a-f]{64}$/i, "sha256: and 64 hexadecimal digits"), null, "or its SHA-256"),
  scopes: key(
    "scopes",
    list(oneOf(SCOPES, SCOPES.join(", ")), `a list of ${SCOPES.join(", ")}`),
    [...SCOPES],
    "what the key may do",
  ),
  types: key("types", names(), null, "the only types it may use; all if left out", orAll),
};

/** The secret is kept as its digest only. */
const apiKey = schemaOf(API_KEY).transform((written) => {
  const { name, key, hash, scopes, types } = complete(API_KEY, written);
  return { name, hash: hash?.slice("sha256:".length).toLowerCase() ?? hashKey(key ?? ""), scopes, types };
});

/** SHA-256 of a key's secret, hexadecimal. */
function hashKey(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

const RATE_LIMIT = {
  window: key("windowMs", duration(1), REQUIRED, "time over which requests are counted, for each key or address"),
  requests: key("requests", whole(1, 1_000_000_000), REQUIRED, "requests in that time"),
};

export const API = {
  host: key(
    "host",
    text("a host name or address"),
    "127.0.0.1",
    "address to listen on; any but loopback requires an API key",
  ),
  port: key("port", whole(0, 65535), 3000, "port to listen on; 0: any free one"),
  wait_for_endpoints_timeout: key("waitMs", duration(0), 30 * SECOND, "for types that do not set their own", timeText),
  max_body: key("maxBodyBytes", size(1), MB, "largest request body"),
  max_wait: key("maxWaitMs", duration(0), MINUTE, "longest `?wait=`", timeText),
  keys: {
    ...key(
      "keys",
      list(apiKey, "a list of keys, each with name and key or hash"),
      [],
      "API keys beside those in the database",
      (keys) => keys.map((one) => one.name),
    ),
    inner: { keys: API_KEY as Section, as: "list" as const },
  },
  key_in_url: key("keyInUrl", flag(), false, "accept `?key=` everywhere; URLs end up in the logs of other programs"),
  trust_proxy: key("trustProxy", proxies(), 0, "reverse proxies whose `X-Forwarded-For` is trusted, nearest first"),
  rate_limit: group("rateLimit", RATE_LIMIT, null, (limit) =>
    limit ? `${limit.requests} in ${timeText(limit.windowMs)}` : "none",
  ),
  outbox_limit: key(
    "outboxLimit",
    whole(1, 100_000_000),
    100_000,
    "stored tasks not yet published; above this number new tasks are refused (503)",
  ),
  max_result: key("maxResultBytes", size(1), MB, "largest result that is read"),
  drain_timeout: key(
    "drainMs",
    duration(0),
    10 * SECOND,
    "how long requests may take to finish when the process ends",
    timeText,
  ),
  base_path: key(
    "basePath",
    matching(/^(\/[A-Za-z0-9._~-]+)*$/, "a path that begins with / and does not end with one"),
    "",
    "path under which a reverse proxy serves the API",
  ),
};

export const MANAGER = {
  endpoint: key(
    "endpoint",
    z.union([name(), names()], { error: "the endpoint's name, or a list of names" }),
    null,
    "the endpoint's name; a list: one manager for each in this process",
  ),
  endpoints: key("endpoints", names(), null, "the same, always a list", hidden),
  labels: key(
    "labels",
    z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]), {
        error: "a mapping of labels to texts, numbers or true and false",
      })
      .transform((labels): JsonObject => labels),
    {},
    "shown with the endpoint",
  ),
  types: key("types", names(), null, "the only types this manager performs; all if left out", orAll),
  drain_timeout: key(
    "drainMs",
    duration(0),
    30 * SECOND,
    "how long attempts may take to finish when the process ends; the rest is given back",
    timeText,
  ),
  heartbeat: key("heartbeatMs", duration(100), 5 * SECOND, "interval between heartbeats", timeText),
  ttl: key(
    "ttlMs",
    duration(300),
    30 * SECOND,
    "a manager without a heartbeat for this long is dead, and its attempts are repeated",
    timeText,
  ),
  grace: key("graceMs", duration(0), 5 * SECOND, "time between telling a handler to stop and killing it", timeText),
  report: key(
    "report",
    oneOf(["broker", "database"], "broker or database"),
    "database",
    "how a manager process without an API reaches the store: through RabbitMQ, or with a connection to the database",
  ),
  max_result: key("maxResultBytes", size(1), MB, "a larger result fails the attempt"),
  max_log: key("maxLogBytes", size(0), 256 * KB, "how much of a handler's log is kept, for each attempt"),
  spool: key(
    "spoolDir",
    text("the path of a folder"),
    "data/spool",
    "folder for results that the database did not take yet",
  ),
  slot: key("slot", text("a short text"), "0", "distinguishes two managers of one endpoint on one host"),
  host: key("host", text("a host name or address"), "127.0.0.1", "address for `port`"),
  port: key(
    "port",
    whole(0, 65535),
    null,
    "port of a manager process for `/livez`, `/readyz` and `/metrics`; none if left out",
  ),
};

const TLS = {
  ca: key("caFile", text("the path of the authority's certificate (PEM)"), null, "certificate of the authority"),
  cert: key("certFile", text("the path of our certificate (PEM)"), null, "client certificate"),
  key: key("keyFile", text("the path of our certificate's key (PEM)"), null, "key of the client certificate"),
  verify: key("verify", flag(), true, "refuse a server whose certificate is not valid"),
};

export const DATABASE = {
  uri: key(
    "uri",
    uri([...MYSQL, "sqlite:"], DATABASE_URI),
    "sqlite:data/tasker.db",
    "also `TASKER_DATABASE_URI`",
    uriText,
  ),
  admin_uri: key(
    "adminUri",
    uri(MYSQL, "mysql://administrator:password@host"),
    null,
    "an administrator who may create databases and users; used by `initialize` only",
    hidden,
  ),
  pool_size: key(
    "poolSize",
    whole(1, 1000),
    10,
    "most connections; an API opens up to six more, for several statements at once",
  ),
  deadline: key(
    "deadlineMs",
    duration(100),
    4 * SECOND,
    "limit of one operation; then it is given up (503, or repeated in the background)",
    timeText,
  ),
  tls: group("tls", TLS, null),
};

export const BROKER = {
  uri: key(
    "uri",
    uri(["amqp://", "amqps://", "embedded:"], BROKER_URI),
    "embedded:",
    "also `TASKER_BROKER_URI`",
    uriText,
  ),
  queue_type: key(
    "queueType",
    oneOf(["classic", "quorum"], "classic or quorum"),
    "classic",
    "type of new queues; `quorum` survives the loss of a node in a cluster",
  ),
  heartbeat: key("heartbeat", whole(0, 3600), 10, "seconds between AMQP heartbeats; 0: none"),
  tls: group("tls", TLS, null),
};

export const RABBITMQ = {
  management_uri: key(
    "managementUri",
    uri(["http://", "https://"], "http://host:15672 of RabbitMQ's management plugin"),
    REQUIRED,
    "the management plugin; used by `initialize`, by `doctor`, and to delete the user of a removed endpoint",
    uriText,
  ),
  user: key("user", text("the administrator's name"), REQUIRED, "an administrator"),
  password: key("password", text("the administrator's password"), REQUIRED, "the administrator's password", hidden),
};

const LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

export const LOG = {
  level: key(
    "level",
    oneOf(LEVELS, LEVELS.join(", ")),
    "warn",
    "lowest level that is logged; `info` outside the embedded mode",
  ),
  pretty: key("pretty", flag(), false, "lines for people instead of JSON"),
};

const part = (keys: Section) => ({
  ...key("", schemaOf(keys), {}, ""),
  inner: { keys, as: "mapping" as const },
});

/** The whole file. */
export const ROOT = {
  handlers: key("handlersDir", text("the path of a folder"), "handlers", "folder of the handler modules"),
  task_types: {
    ...key("", z.record(z.string(), schemaOf(TASK_TYPE), { error: "a mapping of task types" }), {}, ""),
    inner: { keys: TASK_TYPE as Section, as: "map" as const },
  },
  api: part(API),
  manager: part(MANAGER),
  database: part(DATABASE),
  broker: part(BROKER),
  rabbitmq: part(RABBITMQ),
  log: part(LOG),
};

export const configSchema = schemaOf(ROOT);
