import { z } from "zod";
import { SCOPES } from "../../../model/scopes";
import { NOW, named, object, text, type, version, yes } from "./values";

const runMode = named("production");

export const session = z.object({
  name: text.nullable().meta({ example: "ops" }),
  scopes: z.array(z.enum(SCOPES)),
  types: z.array(type).nullable(),
  csrf_token: text.nullable().meta({ example: "9f2d61a1c0" }),
  run_mode: runMode,
  version,
});

export const system = z.object({
  version,
  node: named("v20.19.0"),
  run_mode: runMode,
  config_file: text.nullable().meta({ example: "config/production.config.yaml" }),
  config: object.meta({ example: { api: { port: 3000 } } }),
});

export const health = z.object({
  status: z.enum(["ready", "not_ready", "draining"]),
  ready: yes,
  checks: z.record(z.string(), z.looseObject({ ok: z.boolean() })).meta({ example: { database: { ok: true } } }),
});
export const notReady = {
  status: "not_ready",
  ready: false,
  checks: { database: { ok: false, detail: "connect ECONNREFUSED" } },
};

export const alive = z.object({ status: z.literal("alive") });
export const nothing = z.object({});
export const openapi = z.looseObject({ openapi: named("3.1.0") });
export const html = z.string();
export const metrics = named(
  '# HELP tasker_tasks_created_total Tasks stored by this process, repetitions not counted\n# TYPE tasker_tasks_created_total counter\ntasker_tasks_created_total{type="app-update"} 12\n',
);
export const logStream = named(
  `id: 1\nevent: log\ndata: {"seq":1,"attempt":1,"at":"${NOW}","text":"unpacking\\n"}\n\nevent: end\ndata: {}\n\n`,
);
export const eventStream = named(
  'id: e1.MTIz\nevent: response.updated\ndata: {"task_id":"019a8f3e-5c1a-7cc2-9d1e-2b6f8a4c7e10","type":"app-update","endpoint":"loadbalancer-1","job":null,"status":"succeeded","version":4}\n\n',
);
