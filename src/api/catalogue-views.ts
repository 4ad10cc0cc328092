import type { TaskTypeConfig } from "../config/config";
import type { ResponseStatus } from "../model/response";
import type { EndpointRecord } from "../store/store";
import type { BrokerUser, EndpointRemoved, EndpointRenamed } from "../tasks/service";
import type { Identity } from "./access/auth";

/** Records → the fields of the HTTP contract, where a table of names says it all. */

type View = Record<string, unknown>;
type Open = Partial<Record<ResponseStatus, number>>;

/** The named fields in the contract's spelling: `firstSeenAt` → `first_seen_at`. */
export function fields<T extends object>(record: T, names: ReadonlyArray<keyof T & string>): View {
  const view: View = {};
  for (const name of names) view[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = record[name];
  return view;
}

/** A task type's policy. Never its command line or hosts, which may hold secrets. */
export function typeView(type: TaskTypeConfig): View {
  return {
    ...fields(type, ["name", "deliver"]),
    performer: type.performer.kind,
    ...fields(type, ["singleRun", "jobs", "endpoints", "concurrency", "priority", "attempts"]),
    backoff: fields(type.backoff, ["firstMs", "factor", "maxMs"]),
    timeout_ms: type.timeoutMs,
    wait_for_endpoints_timeout_ms: type.waitMs,
    ...fields(type, ["expiresMs", "keepMs", "payloadSchema"]),
  };
}

/** An endpoint with its managers. Types that the caller's key may not touch are left out. */
export function endpointView(endpoint: EndpointRecord & { open: Open }, { types }: Identity): View {
  return {
    ...fields(endpoint, ["name", "alive", "labels"]),
    types: endpoint.types.filter((type) => types === null || types.includes(type)),
    ...fields(endpoint, ["firstSeenAt", "lastSeenAt"]),
    open: openView(endpoint.open),
    managers: endpoint.managers.map((manager) => ({
      ...fields(manager, ["id", "state", "host", "pid", "slot", "version", "running"]),
      ...fields(manager, ["startedAt", "heartbeatAt", "stoppedAt"]),
    })),
  };
}

/** Responses that are not final, counted by status; every open status is there. */
export function openView({ expected = 0, received = 0, running = 0, retrying = 0 }: Open): View {
  return { expected, received, running, retrying };
}

export function removedView(removed: EndpointRemoved): View {
  return {
    endpoint: removed.name,
    ...fields(removed, ["dryRun", "alive", "managers", "types"]),
    ended: openView(removed.open),
    queues: removed.queues,
    broker_user: userView(removed.brokerUser),
  };
}

export function renamedView(renamed: EndpointRenamed): View {
  return {
    endpoint: renamed.name,
    renamed_from: renamed.from,
    ...fields(renamed, ["moved", "queues"]),
    broker_user: userView(renamed.brokerUser),
  };
}

function userView(user: BrokerUser | null): View | null {
  return user && { ...fields(user, ["name", "state"]), detail: user.why ?? null };
}
