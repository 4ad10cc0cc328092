import { isAbsolute, join, resolve } from "node:path";
import type { JsonObject } from "../../model/json/json";
import type { ApiConfig, Config, ManagerConfig, PerformerConfig, RunMode, TaskTypeConfig, TlsConfig } from "../config";
import {
  API_DEFAULTS,
  BROKER_DEFAULTS,
  COMMAND_DEFAULTS,
  DATABASE_DEFAULTS,
  DEFAULT_HANDLERS,
  DEFAULT_SPOOL,
  EMBEDDED_BROKER_URI,
  EMBEDDED_DATABASE_URI,
  HTTP_DEFAULTS,
  LOG_LEVEL,
  MANAGER_DEFAULTS,
  TASK_TYPE_DEFAULTS,
} from "../defaults";
import { SCOPES, type WrittenConfig, type WrittenTaskType } from "../schema";
import { hashKey } from "./checks";

/** The config as written → the config as used: defaults put in, paths absolute (from `cwd`). */
export function completeConfig(written: WrittenConfig, runMode: RunMode, file: string | null, cwd: string): Config {
  const api = completeApi(written.api ?? {});
  const types = Object.entries(written.task_types ?? {});
  const { database = {}, broker = {}, rabbitmq, log = {} } = written;
  return {
    runMode,
    file,
    handlersDir: resolve(cwd, written.handlers ?? DEFAULT_HANDLERS),
    taskTypes: Object.fromEntries(types.map(([name, type]) => [name, completeType(name, type, api.waitMs, cwd)])),
    api,
    manager: completeManager(written.manager ?? {}, cwd),
    database: {
      uri: databaseUri(database.uri ?? EMBEDDED_DATABASE_URI, cwd),
      adminUri: database.admin_uri ?? null,
      poolSize: database.pool_size ?? DATABASE_DEFAULTS.poolSize,
      deadlineMs: database.deadline ?? DATABASE_DEFAULTS.deadlineMs,
      tls: completeTls(database.tls, cwd),
    },
    broker: {
      uri: broker.uri ?? EMBEDDED_BROKER_URI,
      queueType: broker.queue_type ?? BROKER_DEFAULTS.queueType,
      heartbeat: broker.heartbeat ?? BROKER_DEFAULTS.heartbeat,
      tls: completeTls(broker.tls, cwd),
    },
    rabbitmq: rabbitmq
      ? { managementUri: rabbitmq.management_uri, user: rabbitmq.user, password: rabbitmq.password }
      : null,
    log: { level: log.level ?? LOG_LEVEL[runMode], pretty: log.pretty ?? false },
  };
}

function completeType(name: string, type: WrittenTaskType, apiWaitMs: number, cwd: string): TaskTypeConfig {
  const d = TASK_TYPE_DEFAULTS;
  const singleRun = type.single_run ?? false;
  return {
    name,
    deliver: type.deliver ?? d.deliver,
    endpoints: [...new Set(type.endpoints ?? [])],
    concurrency: type.concurrency ?? d.concurrency,
    timeoutMs: type.timeout ?? d.timeoutMs,
    waitMs: type.wait_for_endpoints_timeout ?? apiWaitMs,
    expiresMs: type.expires === undefined ? d.expiresMs : type.expires,
    keepMs: type.keep === undefined ? d.keepMs : type.keep,
    attempts: type.attempts ?? (singleRun ? d.singleRunAttempts : d.attempts),
    backoff: {
      firstMs: type.backoff?.first ?? d.backoff.firstMs,
      factor: type.backoff?.factor ?? d.backoff.factor,
      maxMs: type.backoff?.max ?? d.backoff.maxMs,
    },
    isolation: type.isolation ?? d.isolation,
    reuse: type.reuse ?? d.reuse,
    claim: type.claim ?? d.claim,
    priority: type.priority ?? d.priority,
    payloadSchema: (type.payload_schema as JsonObject | undefined) ?? null,
    singleRun,
    legacyGet: type.legacy_get ?? false,
    jobs: [...new Set(type.jobs ?? [])],
    submits: type.submits ?? null,
    performer: completePerformer(name, type, cwd),
  };
}

function completePerformer(name: string, type: WrittenTaskType, cwd: string): PerformerConfig {
  if (type.command) {
    return {
      kind: "command",
      command: type.command,
      successCodes: type.success_codes ?? COMMAND_DEFAULTS.successCodes,
      env: type.env ?? COMMAND_DEFAULTS.env,
      cwd: type.cwd ? resolve(cwd, type.cwd) : null,
      maxOutputBytes: type.max_output ?? COMMAND_DEFAULTS.maxOutputBytes,
      graceMs: type.grace ?? MANAGER_DEFAULTS.graceMs,
    };
  }
  if (type.http) {
    return {
      kind: "http",
      allowHosts: type.http.allow_hosts,
      successStatuses: type.http.success_statuses ?? HTTP_DEFAULTS.successStatuses,
      maxBodyBytes: type.http.max_body ?? HTTP_DEFAULTS.maxBodyBytes,
      maxRedirects: type.http.max_redirects ?? HTTP_DEFAULTS.maxRedirects,
      timeoutMs: type.http.timeout ?? null,
    };
  }
  return { kind: "module", handler: type.handler ?? name };
}

function completeApi(api: NonNullable<WrittenConfig["api"]>): ApiConfig {
  const d = API_DEFAULTS;
  return {
    host: api.host ?? d.host,
    port: api.port ?? d.port,
    maxBodyBytes: api.max_body ?? d.maxBodyBytes,
    waitMs: api.wait_for_endpoints_timeout ?? d.waitMs,
    maxWaitMs: api.max_wait ?? d.maxWaitMs,
    keys: (api.keys ?? []).map((key) => ({
      name: key.name,
      hash: key.hash ? key.hash.slice("sha256:".length).toLowerCase() : hashKey(key.key ?? ""),
      scopes: key.scopes ?? [...SCOPES],
      types: key.types ?? null,
    })),
    keyInUrl: api.key_in_url ?? d.keyInUrl,
    trustProxy: api.trust_proxy ?? d.trustProxy,
    rateLimit: api.rate_limit ? { windowMs: api.rate_limit.window!, requests: api.rate_limit.requests } : null,
    outboxLimit: api.outbox_limit ?? d.outboxLimit,
    maxResultBytes: api.max_result ?? d.maxResultBytes,
    drainMs: api.drain_timeout ?? d.drainMs,
    basePath: api.base_path ?? d.basePath,
  };
}

function completeManager(manager: NonNullable<WrittenConfig["manager"]>, cwd: string): ManagerConfig {
  const d = MANAGER_DEFAULTS;
  const named = manager.endpoints ?? manager.endpoint ?? [];
  return {
    endpoints: [...new Set(typeof named === "string" ? [named] : named)],
    labels: manager.labels ?? {},
    types: manager.types ?? null,
    drainMs: manager.drain_timeout ?? d.drainMs,
    heartbeatMs: manager.heartbeat ?? d.heartbeatMs,
    ttlMs: manager.ttl ?? d.ttlMs,
    graceMs: manager.grace ?? d.graceMs,
    maxResultBytes: manager.max_result ?? d.maxResultBytes,
    maxLogBytes: manager.max_log ?? d.maxLogBytes,
    spoolDir: resolve(cwd, manager.spool ?? DEFAULT_SPOOL),
    slot: manager.slot ?? d.slot,
    host: manager.host ?? d.host,
    port: manager.port ?? null,
  };
}

function completeTls(
  tls: { ca?: string; cert?: string; key?: string; verify?: boolean } | undefined,
  cwd: string,
): TlsConfig | null {
  if (!tls) return null;
  const file = (path: string | undefined) => (path ? resolve(cwd, path) : null);
  return { caFile: file(tls.ca), certFile: file(tls.cert), keyFile: file(tls.key), verify: tls.verify ?? true };
}

/** A relative SQLite path would mean another file in a child process with another working folder. */
function databaseUri(uri: string, cwd: string): string {
  if (!uri.startsWith("sqlite:")) return uri;
  const path = uri.slice("sqlite:".length);
  return path === ":memory:" || path === "" || isAbsolute(path) ? uri : `sqlite:${join(cwd, path)}`;
}
