import { isAbsolute, join, resolve } from "node:path";
import type { Config, ManagerConfig, PerformerConfig, RunMode, TaskTypeConfig, TlsConfig } from "../config";
import { API, BROKER, DATABASE, LOG, MANAGER, RABBITMQ, ROOT } from "../keys";
import { complete } from "../table";
import { COMMAND, type HTTP, POLICY } from "../task-type-keys";

type Written = Record<string, unknown>;

/** The config as parsed → the config as used: with defaults, paths absolute (from `cwd`). */
export function completeConfig(written: Written, runMode: RunMode, file: string | null, cwd: string): Config {
  const root = complete(ROOT, written);
  const part = (name: string) => (written[name] ?? {}) as Written;
  const api = complete(API, part("api"));
  const database = complete(DATABASE, part("database"));
  const broker = complete(BROKER, part("broker"));
  const types = Object.entries(part("task_types") as Record<string, Written>);
  return {
    runMode,
    file,
    handlersDir: resolve(cwd, root.handlersDir),
    taskTypes: Object.fromEntries(types.map(([name, type]) => [name, completeType(name, type, api.waitMs, cwd)])),
    api,
    manager: completeManager(part("manager"), cwd),
    database: { ...database, uri: databaseUri(database.uri, cwd), tls: absolute(database.tls, cwd) },
    broker: { ...broker, tls: absolute(broker.tls, cwd) },
    rabbitmq: written.rabbitmq === undefined ? null : complete(RABBITMQ, part("rabbitmq")),
    log: complete(LOG, { ...(runMode === "embedded" ? {} : { level: "info" }), ...part("log") }),
  };
}

function completeType(name: string, written: Written, apiWaitMs: number, cwd: string): TaskTypeConfig {
  const policy = complete(POLICY, { wait_for_endpoints_timeout: apiWaitMs, ...written });
  return {
    ...policy,
    name,
    attempts: policy.singleRun && written.attempts === undefined ? 1 : policy.attempts,
    endpoints: unique(policy.endpoints),
    jobs: unique(policy.jobs),
    performer: completePerformer(name, written, cwd),
  };
}

function completePerformer(name: string, written: Written, cwd: string): PerformerConfig {
  if (written.http) return { kind: "http", ...(written.http as ReturnType<typeof complete<typeof HTTP>>) };
  const { command, ...rest } = complete(COMMAND, written);
  if (command) return { kind: "command", command, ...rest, cwd: rest.cwd && resolve(cwd, rest.cwd) };
  return { kind: "module", handler: (written.handler as string | undefined) ?? name };
}

function completeManager(written: Written, cwd: string): ManagerConfig {
  const { endpoint, endpoints, spoolDir, ...rest } = complete(MANAGER, written);
  return { ...rest, endpoints: unique([endpoints ?? endpoint ?? []].flat()), spoolDir: resolve(cwd, spoolDir) };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function absolute(tls: TlsConfig | null, cwd: string): TlsConfig | null {
  if (!tls) return null;
  const file = (path: string | null) => path && resolve(cwd, path);
  return { ...tls, caFile: file(tls.caFile), certFile: file(tls.certFile), keyFile: file(tls.keyFile) };
}

/**
 * A relative SQLite path would mean another file in a child process with another working folder.
 */
function databaseUri(uri: string, cwd: string): string {
  if (!uri.startsWith("sqlite:")) return uri;
  const path = uri.slice("sqlite:".length);
  return path === ":memory:" || path === "" || isAbsolute(path) ? uri : `sqlite:${join(cwd, path)}`;
}
