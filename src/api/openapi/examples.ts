import { PROBLEMS, type ProblemCode } from "../../errors";
import { type Problem, TITLES } from "../request/problem";

/** Examples of the OpenAPI document. A test checks each against its schema. */

const ID = "019a8f3e-5c1a-7cc2-9d1e-2b6f8a4c7e10";
const at = (seconds: number) => `2030-01-31T12:00:${String(seconds).padStart(2, "0")}.000Z`;

const response = (endpoint: string, status: string, more: object = {}) => ({
  endpoint,
  job: null,
  status,
  reason: null,
  attempt: 1,
  attempts: 3,
  progress: 1,
  result: { version: "2.1" },
  result_text: null,
  error: null,
  late: false,
  received_at: at(1),
  started_at: at(1),
  finished_at: at(3),
  retry_at: null,
  ...more,
});

const running = response("loadbalancer-2", "running", { progress: 0.4, result: null, finished_at: null });

export const taskRequest = {
  identifier: "e7bd91d0-16ad-11e2-892e-0800200c9a66",
  payload: { version: "2.1" },
  endpoints: ["loadbalancer-1", "loadbalancer-2"],
};

const summary = {
  id: ID,
  type: "app-update",
  ...taskRequest,
  status: "running",
  settled: false,
  progress: 0.7,
  created_at: at(0),
  delay_until: null,
  published_at: at(0),
  started_at: at(1),
  finished_at: null,
  completeness: {
    expected: 2,
    received: 2,
    running: 1,
    succeeded: 1,
    failed: 0,
    cancelled: 0,
    missing: [],
    complete: false,
  },
};

export const task = { ...summary, responses: [response("loadbalancer-1", "succeeded"), running] };
export const tasks = { items: [summary], next: ID };
export const responses = { items: task.responses, next: null };
export const responseDetail = {
  ...response("loadbalancer-1", "succeeded"),
  task_id: ID,
  type: "app-update",
  progress_message: "unpacked",
  generation: 1,
  cancel_at: null,
  history: [
    {
      generation: 1,
      attempt: 1,
      outcome: "succeeded",
      endpoint: "loadbalancer-1",
      reason: null,
      error: null,
      result: { version: "2.1" },
      result_text: null,
      started_at: at(1),
      finished_at: at(3),
    },
  ],
};
export const log = { items: [{ seq: 1, attempt: 1, at: at(2), text: "unpacking\n" }], next: null };
export const logStream = `id: 1\nevent: log\ndata: ${JSON.stringify(log.items[0])}\n\nevent: end\ndata: {}\n\n`;
export const cancelRequest = { endpoints: ["loadbalancer-2"] };
export const cancelled = {
  task,
  outcomes: [
    { endpoint: "loadbalancer-1", job: null, outcome: "finished", status: "succeeded" },
    { endpoint: "loadbalancer-2", job: null, outcome: "stopping", status: "running" },
  ],
};
export const nothingToStop = { task: null, outcomes: [] };
export const retryRequest = { statuses: ["failed", "missed"] };
export const retried = { task, reopened: [{ endpoint: "loadbalancer-2", job: null }] };
export const startRequest = { payload: { full: true } };
export const batchRequest = { tasks: [taskRequest, { payload: {} }] };

const type = {
  name: "app-update",
  deliver: "each",
  performer: "module",
  single_run: false,
  jobs: [],
  endpoints: ["loadbalancer-1"],
  concurrency: 4,
  priority: 0,
  attempts: 3,
  backoff: { first_ms: 1000, factor: 2, max_ms: 300_000 },
  timeout_ms: 600_000,
  wait_for_endpoints_timeout_ms: 30_000,
  expires_ms: 604_800_000,
  keep_ms: 2_592_000_000,
  payload_schema: null,
};
const open = { expected: 0, received: 0, running: 1, retrying: 0 };
export const types = { items: [type], next: null };
export const typeDetail = { ...type, registered: ["loadbalancer-1", "loadbalancer-2"], open };
export const endpoint = {
  name: "loadbalancer-1",
  alive: true,
  labels: { role: "lb" },
  types: ["app-update"],
  first_seen_at: at(0),
  last_seen_at: at(5),
  open,
  managers: [
    {
      id: "019a8f3e-0000-7cc2-9d1e-2b6f8a4c7e10",
      state: "alive",
      host: "lb1",
      pid: 4242,
      slot: "0",
      version: "0.1.0",
      running: 1,
      started_at: at(0),
      heartbeat_at: at(5),
      stopped_at: null,
    },
  ],
};
export const endpoints = { items: [endpoint], next: null };
export const endpointRemoved = {
  endpoint: "loadbalancer-1",
  dry_run: false,
  alive: false,
  managers: 1,
  types: ["app-update"],
  ended: open,
  queues: "removed",
  broker_user: { name: "tasker-at-loadbalancer-1", state: "deleted", detail: null },
};
export const renameRequest = { name: "loadbalancer-9" };
export const endpointRenamed = {
  endpoint: "loadbalancer-9",
  renamed_from: "loadbalancer-1",
  moved: 3,
  queues: "removed",
  broker_user: null,
};
export const session = {
  name: "ops",
  scopes: ["operate"],
  types: null,
  csrf_token: "9f2d61a1c0",
  run_mode: "production",
  version: "0.1.0",
};
export const system = {
  version: "0.1.0",
  node: "v20.19.0",
  run_mode: "production",
  config_file: "config/production.config.yaml",
  config: { api: { port: 3000 } },
};
export const health = {
  status: "ready",
  ready: true,
  checks: { database: { ok: true }, broker: { ok: true, connected: true, blocked: false } },
};

const EVENTS = [
  "id: e1.MTIz",
  "event: response.updated",
  `data: {"task_id":"${ID}","type":"app-update","endpoint":"loadbalancer-1","job":null,"status":"succeeded","version":4}`,
];
export const events = `${EVENTS.join("\n")}\n\n`;
export const metrics =
  '# HELP tasker_tasks_created_total Tasks stored by this process, repetitions not counted\n# TYPE tasker_tasks_created_total counter\ntasker_tasks_created_total{type="app-update"} 12\n';

const DETAILS: Partial<Record<ProblemCode, string>> = {
  invalid_request: "The request is not valid: #/endpoints must name each endpoint once",
  unknown_task_type: 'There is no task type "app-updat"; GET /types lists them',
  unauthenticated: "An API key is needed: send it as Authorization: Bearer <key>",
  database_unavailable: "The database did not answer within 5 seconds",
};

/** One of each code. */
export function problemExample(code: ProblemCode): Problem {
  return {
    type: `/docs/problems#${code}`,
    title: TITLES[code],
    status: PROBLEMS[code],
    detail: DETAILS[code] ?? TITLES[code],
    instance: "/app-update",
    code,
    ...(code === "invalid_request"
      ? { errors: [{ pointer: "#/endpoints", detail: "must name each endpoint once" }] }
      : {}),
    request_id: "4be1a0c2d3e4-2f",
  };
}

export const batchAnswer = {
  results: [
    { status: 202, task },
    {
      status: 422,
      problem: {
        ...problemExample("invalid_request"),
        errors: [{ pointer: "#/tasks/1/identifier", detail: "is required" }],
      },
    },
  ],
};
