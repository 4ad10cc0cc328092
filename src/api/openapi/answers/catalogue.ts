import { z } from "zod";
import { count, milliseconds, name, named, object, past, text, time, type, uuid, version, yes } from "./values";

export const openCounts = z
  .object({ expected: count, received: count, running: count, retrying: count })
  .meta({ description: "Responses that are not final" });

export const taskType = z.object({
  name: type,
  deliver: z.enum(["each", "one"]),
  performer: z.enum(["module", "command", "http"]),
  single_run: z.boolean(),
  jobs: z.array(name).meta({ example: [] }),
  endpoints: z.array(name).meta({ description: "Registered by the config" }),
  concurrency: count.meta({ example: 4 }),
  priority: count.meta({ example: 0 }),
  attempts: count.meta({ example: 3 }),
  backoff: z.object({ first_ms: milliseconds, factor: z.number().meta({ example: 2 }), max_ms: milliseconds }),
  timeout_ms: milliseconds,
  wait_for_endpoints_timeout_ms: milliseconds,
  expires_ms: count.nullable(),
  keep_ms: count.nullable(),
  payload_schema: object.nullable().meta({ example: null }),
});

export const taskTypeDetail = taskType.extend({
  registered: z.array(name).meta({ description: "Every endpoint that performs it now" }),
  open: openCounts,
});

export const manager = z.object({
  id: uuid,
  state: z.enum(["alive", "draining", "stopped", "retired", "dead"]),
  host: named("lb1"),
  pid: z.int().meta({ example: 4242 }),
  slot: named("0"),
  version,
  running: count,
  started_at: time,
  heartbeat_at: time,
  stopped_at: time.nullable(),
});

export const endpoint = z.object({
  name,
  alive: yes.meta({ description: "One of its managers has sent a heartbeat lately" }),
  labels: object.meta({ example: { role: "lb" } }),
  types: z.array(type),
  first_seen_at: time,
  last_seen_at: past.meta({ description: "Null: configured, never connected" }),
  open: openCounts,
  managers: z.array(manager),
});

const brokerUser = z
  .object({
    name: named("tasker-at-loadbalancer-1"),
    state: z.enum(["deleted", "absent", "kept"]),
    detail: text.nullable(),
  })
  .meta({ description: "The endpoint's own user at the broker; kept: it could not be deleted, and `detail` says why" });
const queuesNow = z.enum(["removed", "pending"]).meta({ description: "pending: they go when the broker takes it" });

export const endpointRemoved = z.object({
  endpoint: name,
  dry_run: z.boolean(),
  alive: z.boolean(),
  managers: count.meta({ description: "Managers that were there, alive or silent" }),
  types: z.array(type).meta({ description: "For which it was registered" }),
  ended: openCounts.meta({ description: "What it owed, by status; now `cancelled`, reason `endpoint_removed`" }),
  queues: queuesNow.nullable().meta({ example: "removed" }),
  broker_user: brokerUser.nullable(),
});

export const endpointRenamed = z.object({
  endpoint: named("loadbalancer-9").meta({ description: "The new name" }),
  renamed_from: name,
  moved: count.meta({ description: "Responses that are open under the new name" }),
  queues: queuesNow,
  broker_user: brokerUser.nullable(),
});
