import { formatDuration } from "../../model/duration";
import type { Json } from "../../model/json/json";
import type { Config, TaskTypeConfig } from "../config";

/** The config as used, told with the keys of the file: what was left out stands there with its default. */
export interface ConfigValue {
  path: string[];
  value: Json;
  /** Where else its value may come from when nothing stands at `path`. */
  instead?: string[];
}

const time = (ms: number | null) => (ms === null ? "never" : formatDuration(ms));

/** Passwords are `***`; keys, hashes and other secrets are never in it. */
export function configValues(config: Config): ConfigValue[] {
  const { api, manager, database, broker, rabbitmq, log } = config;
  const values: Array<[string, Json]> = [
    ["handlers", config.handlersDir],
    ["api.host", api.host],
    ["api.port", api.port],
    ["api.base_path", api.basePath],
    ["api.max_body", api.maxBodyBytes],
    ["api.wait_for_endpoints_timeout", time(api.waitMs)],
    ["api.max_wait", time(api.maxWaitMs)],
    ["api.keys", api.keys.map((key) => key.name)],
    ["api.key_in_url", api.keyInUrl],
    ["api.trust_proxy", api.trustProxy],
    ["api.rate_limit", api.rateLimit ? `${api.rateLimit.requests} in ${time(api.rateLimit.windowMs)}` : "none"],
    ["api.outbox_limit", api.outboxLimit],
    ["api.max_result", api.maxResultBytes],
    ["api.drain_timeout", time(api.drainMs)],
    ["manager.endpoint", manager.endpoints],
    ["manager.labels", manager.labels],
    ["manager.types", manager.types ?? "all"],
    ["manager.drain_timeout", time(manager.drainMs)],
    ["manager.heartbeat", time(manager.heartbeatMs)],
    ["manager.ttl", time(manager.ttlMs)],
    ["manager.grace", time(manager.graceMs)],
    ["manager.max_result", manager.maxResultBytes],
    ["manager.max_log", manager.maxLogBytes],
    ["manager.spool", manager.spoolDir],
    ["manager.slot", manager.slot],
    ["manager.host", manager.host],
    ["manager.port", manager.port ?? "none"],
    ["database.uri", hidden(database.uri)],
    ["database.pool_size", database.poolSize],
    ["database.deadline", time(database.deadlineMs)],
    ["broker.uri", hidden(broker.uri)],
    ["broker.queue_type", broker.queueType],
    ["broker.heartbeat", broker.heartbeat],
    ["rabbitmq.management_uri", rabbitmq ? hidden(rabbitmq.managementUri) : "none"],
    ["rabbitmq.user", rabbitmq?.user ?? "none"],
    ["log.level", log.level],
    ["log.pretty", log.pretty],
  ];
  return [
    ...values.map(([key, value]) => ({
      path: key.split("."),
      value,
      instead: key === "manager.endpoint" ? ["manager", "endpoints"] : undefined,
    })),
    ...Object.values(config.taskTypes).flatMap((type) =>
      typeValues(type).map(([key, value]) => ({
        path: ["task_types", type.name, ...key.split(".")],
        value,
        instead: key === "wait_for_endpoints_timeout" ? ["api", key] : undefined,
      })),
    ),
  ];
}

function typeValues(type: TaskTypeConfig): Array<[string, Json]> {
  const { performer } = type;
  const own: Array<[string, Json]> =
    performer.kind === "module"
      ? [["handler", performer.handler]]
      : performer.kind === "command"
        ? [["command", performer.command]]
        : [["http.allow_hosts", performer.allowHosts]];
  return [
    ...(type.jobs.length > 0 ? [["jobs", type.jobs] as [string, Json]] : own),
    ["deliver", type.deliver],
    ...(type.submits === null ? [] : [["submits", type.submits] as [string, Json]]),
    ["endpoints", type.endpoints],
    ["concurrency", type.concurrency],
    ["timeout", time(type.timeoutMs)],
    ["wait_for_endpoints_timeout", time(type.waitMs)],
    ["expires", time(type.expiresMs)],
    ["keep", time(type.keepMs)],
    ["attempts", type.attempts],
    ["backoff.first", time(type.backoff.firstMs)],
    ["backoff.factor", type.backoff.factor],
    ["backoff.max", time(type.backoff.maxMs)],
    ["isolation", type.isolation],
    ["reuse", type.reuse],
    ["claim", type.claim],
    ["priority", type.priority],
    ["single_run", type.singleRun],
    ["legacy_get", type.legacyGet],
    ["payload_schema", type.payloadSchema ?? "none"],
  ];
}

/** Up to the last @: a password may hold one itself. What stands in a query may be a secret as well. */
function hidden(uri: string): string {
  return uri
    .replace(/:\/\/([^\s/:@]*):\S*@/, "://$1:***@")
    .replace(/([?&][^=]*(?:password|secret|key)[^=]*=)[^&]*/gi, "$1***");
}
