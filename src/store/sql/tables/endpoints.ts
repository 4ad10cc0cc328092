import type { EndpointRecord, KnownType, ManagerRecord } from "../../store";
import { Table } from "./table";

/** The columns of `endpoints`. Removed endpoints keep their row. */
export const ENDPOINTS = new Table<never, Pick<EndpointRecord, "name" | "labels" | "firstSeenAt">>("endpoints", {
  name: { type: "name", key: true, field: "name" },
  labels: { type: "long", field: "labels", json: true },
  first_seen_at: { type: "time", field: "firstSeenAt" },
  removed_at: { type: "time", nullable: true },
  renamed_to: { type: "name", nullable: true },
  leaving: { type: "long", nullable: true },
});

/** The columns of `endpoint_types`: the endpoints of a type, and who registered them. */
export const ENDPOINT_TYPES = new Table<never, { type: string; endpoint: string }>(
  "endpoint_types",
  {
    type: { type: "name", key: true, field: "type" },
    endpoint: { type: "name", key: true, field: "endpoint" },
    by_config: { type: "int", default: 0, defaultOnSqlite: true },
    by_manager: { type: "int", default: 1, defaultOnSqlite: true },
    open_deliver: { type: "word", nullable: true },
  },
  [{ name: "endpoint_types_endpoint", columns: ["endpoint"] }],
);

/** The columns of `task_types`: the config's present and former types. */
export const TASK_TYPES = new Table<never, KnownType>("task_types", {
  name: { type: "name", key: true, field: "name" },
  deliver: { type: "word", field: "deliver" },
  keep_ms: { type: "big", nullable: true, field: "keepMs" },
  configured: { type: "int", field: "configured" },
});

/** The columns of `managers`, one row for each incarnation. */
export const MANAGERS = new Table<never, ManagerRecord>(
  "managers",
  {
    id: { type: "id", key: true, field: "id" },
    endpoint: { type: "name", field: "endpoint" },
    host: { type: "text", field: "host" },
    pid: { type: "int", field: "pid" },
    slot: { type: "text", field: "slot" },
    version: { type: "text", field: "version" },
    state: { type: "word", field: "state" },
    running: { type: "int", field: "running" },
    ttl_ms: { type: "big" },
    started_at: { type: "time", field: "startedAt" },
    heartbeat_at: { type: "time", field: "heartbeatAt" },
    stopped_at: { type: "time", nullable: true, field: "stoppedAt" },
    types: { type: "long", nullable: true },
    admitted: { type: "int", default: 0, defaultOnSqlite: true },
  },
  [
    { name: "managers_endpoint", columns: ["endpoint"] },
    { name: "managers_state", columns: ["state"] },
  ],
);
