import { z } from "zod";
import type { JsonObject } from "../model/json/json";
import { duration, flag, lifetime, list, name, names, number, oneOf, size, text, timeText, whole } from "./formats";
import { complete, group, hidden, key, REQUIRED } from "./table";

/** The keys of a task type. Durations are in milliseconds, sizes in bytes. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const MB = 1024 * 1024;

export const COMMAND = {
  command: key(
    "command",
    z
      .array(z.string({ error: "a text (put a number into quotes)" }), { error: "a list: [program, argument, …]" })
      .min(1, { error: "a list with at least the program: [program, argument, …]" }),
    null,
    "a program to run instead of a handler, without a shell; `{{payload.field}}` is replaced by a field of the payload",
    hidden,
  ),
  success_codes: key("successCodes", list(whole(0, 255), "a list of exit codes"), [0], "exit codes that mean success"),
  env: key(
    "env",
    list(text("the name of an environment variable"), "a list of names of environment variables"),
    [],
    "variables of the manager's environment that the command receives",
  ),
  cwd: key("cwd", text("the path of a folder"), null, "the command's working folder"),
  max_output: key("maxOutputBytes", size(0), MB, "how much of the command's output is kept"),
  grace: key("graceMs", duration(0), 5 * SECOND, "time between SIGTERM and SIGKILL for the command", timeText),
};

const SUCCESS = Array.from({ length: 100 }, (_, index) => 200 + index);

export const HTTP = {
  allow_hosts: key(
    "allowHosts",
    list(text("a host, or host:port"), "a list of hosts, or host:port").min(1, {
      error: "at least one host, or host:port",
    }),
    REQUIRED,
    "an HTTP call instead of a handler; the only hosts it may reach",
  ),
  success_statuses: key(
    "successStatuses",
    list(whole(100, 599), "a list of HTTP statuses"),
    SUCCESS,
    "statuses that mean success",
    (statuses) => (statuses === SUCCESS ? "200 to 299" : statuses),
  ),
  max_body: key("maxBodyBytes", size(0), MB, "how much of the answer is kept"),
  max_redirects: key("maxRedirects", whole(0, 20), 5, "how many redirects are followed, each to an allowed host only"),
  timeout: key("timeoutMs", duration(1), null, "limit of one call; the type's `timeout` if left out"),
};

const BACKOFF = {
  first: key("firstMs", duration(0), SECOND, "pause before the second attempt", timeText),
  factor: key("factor", number(1, 100), 2, "each pause is this many times the one before"),
  max: key("maxMs", duration(0), 5 * MINUTE, "the longest pause", timeText),
};

/** Keys of a type that do not depend on what performs it. */
export const POLICY = {
  deliver: key(
    "deliver",
    oneOf(["each", "one"], "each or one"),
    "each",
    "`each`: every expected endpoint performs the task; `one`: any one of them does",
  ),
  endpoints: key("endpoints", names(), [], "endpoints that are registered before their managers have ever started"),
  concurrency: key("concurrency", whole(1, 300), 4, "attempts at once in each manager"),
  timeout: key(
    "timeoutMs",
    duration(1),
    10 * MINUTE,
    "limit of one attempt; the handler then gets its stop signal, and is killed after `manager.grace`",
    timeText,
  ),
  wait_for_endpoints_timeout: key(
    "waitMs",
    duration(0),
    30 * SECOND,
    "endpoints that have not received the task by then are missing, and the task is `incomplete`",
    timeText,
  ),
  expires: key("expiresMs", lifetime(), 7 * DAY, "responses that nobody has received by then are `missed`", timeText),
  keep: key("keepMs", lifetime(), 30 * DAY, "how long finished tasks are kept", timeText),
  attempts: key("attempts", whole(1, 1000), 3, "attempts at each endpoint; 1 for a `single_run` type if left out"),
  backoff: group("backoff", BACKOFF, complete(BACKOFF)),
  isolation: key(
    "isolation",
    oneOf(["process", "inline"], "process or inline"),
    "process",
    "`process`: handlers run in a child process that can be killed; `inline`: in the manager, for light asynchronous work only",
  ),
  reuse: key(
    "reuse",
    flag(),
    true,
    "with `isolation: process`, `true`: a process performs one attempt after another and keeps its module state; `false`: each attempt has a new process",
  ),
  claim: key(
    "claim",
    oneOf(["first", "late"], "first or late"),
    "first",
    "`first`: the handler starts after its claim is granted; `late`: it starts at once and is claimed with its end or after 0.5 s, for short handlers that do no harm if they run once too often",
  ),
  priority: key("priority", whole(0, 9), 0, "priority of tasks that do not give one; 9 comes first"),
  payload_schema: key(
    "payloadSchema",
    z
      .record(z.string(), z.json(), { error: "a JSON Schema (draft 2020-12), written as a mapping" })
      .transform((schema) => schema as JsonObject),
    null,
    "JSON Schema (2020-12) that every payload must match",
  ),
  single_run: key("singleRun", flag(), false, "at most one run at a time; adds `start`, `status` and `stop`"),
  legacy_get: key(
    "legacyGet",
    flag(),
    false,
    "accept `start` and `stop` by GET too, with the key in the URL, for old callers",
  ),
  jobs: key(
    "jobs",
    names().min(1, { error: "at least one handler's name" }),
    [],
    "handlers that run side by side and make up one response",
    (jobs) => (jobs.length > 0 ? jobs : undefined),
  ),
  submits: key(
    "submits",
    names(),
    null,
    "types that its handlers may submit with `context.submit`; if left out all, but none at an endpoint with a database user of its own",
    (types) => types ?? undefined,
  ),
};

export const TASK_TYPE = {
  handler: key("handler", name(), null, "the handler's file in the handlers folder; the type's name if left out"),
  ...COMMAND,
  http: group("http", HTTP, null),
  ...POLICY,
};
