import type { TaskTypeConfig } from "../config/config";
import type { ResponseStatus } from "../model/response";
import { RESPONSE_STATUSES } from "../model/response";
import type { EndpointRecord } from "../store/store";
import type { BrokerUser, EndpointRemoved, EndpointRenamed } from "../tasks/service";
import type { Identity } from "./access/auth";

type Open = Partial<Record<ResponseStatus, number>>;

/** A task type as it is told: its policy, never its command line or hosts, which may hold secrets. */
export function typeView(type: TaskTypeConfig): Record<string, unknown> {
  return {
    name: type.name,
    deliver: type.deliver,
    performer: type.performer.kind,
    single_run: type.singleRun,
    jobs: type.jobs,
    endpoints: type.endpoints,
    concurrency: type.concurrency,
    priority: type.priority,
    attempts: type.attempts,
    backoff: {
      first_ms: type.backoff.firstMs,
      factor: type.backoff.factor,
      max_ms: type.backoff.maxMs,
    },
    timeout_ms: type.timeoutMs,
    wait_for_endpoints_timeout_ms: type.waitMs,
    expires_ms: type.expiresMs,
    keep_ms: type.keepMs,
    payload_schema: type.payloadSchema,
  };
}

/** An endpoint with its managers; types that the caller's key may not touch are left out. */
export function endpointView(endpoint: EndpointRecord & { open: Open }, identity: Identity): Record<string, unknown> {
  return {
    name: endpoint.name,
    alive: endpoint.alive,
    labels: endpoint.labels,
    types: endpoint.types.filter((type) => identity.types === null || identity.types.includes(type)),
    first_seen_at: endpoint.firstSeenAt,
    last_seen_at: endpoint.lastSeenAt,
    open: openView(endpoint.open),
    managers: endpoint.managers.map((manager) => ({
      id: manager.id,
      state: manager.state,
      host: manager.host,
      pid: manager.pid,
      slot: manager.slot,
      version: manager.version,
      running: manager.running,
      started_at: manager.startedAt,
      heartbeat_at: manager.heartbeatAt,
      stopped_at: manager.stoppedAt,
    })),
  };
}

/** Responses that are not final, counted by status; every open status is there. */
export function openView(open: Open): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const status of RESPONSE_STATUSES.slice(0, 4)) counts[status] = open[status] ?? 0;
  return counts;
}

export function removedView(removed: EndpointRemoved): Record<string, unknown> {
  return {
    endpoint: removed.name,
    dry_run: removed.dryRun,
    alive: removed.alive,
    managers: removed.managers,
    types: removed.types,
    ended: openView(removed.open),
    queues: removed.queues,
    broker_user: userView(removed.brokerUser),
  };
}

export function renamedView(renamed: EndpointRenamed): Record<string, unknown> {
  return {
    endpoint: renamed.name,
    renamed_from: renamed.from,
    moved: renamed.moved,
    queues: renamed.queues,
    broker_user: userView(renamed.brokerUser),
  };
}

function userView(user: BrokerUser | null): Record<string, unknown> | null {
  return user === null ? null : { name: user.name, state: user.state, detail: user.why ?? null };
}
