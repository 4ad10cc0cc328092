import type { Json } from "../../model/json/json";
import type { Config, TaskTypeConfig } from "../config";
import { API, BROKER, DATABASE, LOG, MANAGER, RABBITMQ } from "../keys";
import type { Section } from "../table";
import { POLICY } from "../task-type-keys";

/** A setting of the config as used, under its key in the file. */
export interface ConfigValue {
  path: string[];
  value: Json;
  /** Another path that its value may come from when nothing stands at `path`. */
  instead?: string[];
}

/** Passwords are `***`; keys, hashes and other secrets are left out. */
export function configValues(config: Config): ConfigValue[] {
  const { api, manager, database, broker, rabbitmq, log } = config;
  return [
    { path: ["handlers"], value: config.handlersDir },
    ...valuesOf(["api"], API, api),
    ...valuesOf(["manager"], MANAGER, { ...manager, endpoint: manager.endpoints }),
    ...valuesOf(["database"], DATABASE, database),
    ...valuesOf(["broker"], BROKER, broker),
    ...valuesOf(["rabbitmq"], RABBITMQ, rabbitmq ?? { managementUri: "none", user: "none" }),
    ...valuesOf(["log"], LOG, log),
    ...Object.values(config.taskTypes).flatMap(typeValues),
  ];
}

function typeValues(type: TaskTypeConfig): ConfigValue[] {
  const path = ["task_types", type.name];
  const { performer } = type;
  const performed: ConfigValue =
    performer.kind === "module"
      ? { path: [...path, "handler"], value: performer.handler }
      : performer.kind === "command"
        ? { path: [...path, "command"], value: performer.command }
        : { path: [...path, "http", "allow_hosts"], value: performer.allowHosts };
  return [...(type.jobs.length > 0 ? [] : [performed]), ...valuesOf(path, POLICY, type)];
}

function valuesOf(path: string[], keys: Section, completed: object): ConfigValue[] {
  return Object.entries(keys).flatMap(([name, { field, show, inner }]): ConfigValue[] => {
    const value = (completed as Record<string, unknown>)[field];
    const at = [...path, name];
    const shown = show(value);
    if (shown !== undefined) return [{ path: at, value: shown, instead: insteadOf(at) }];
    return inner && value ? valuesOf(at, inner.keys, value) : [];
  });
}

function insteadOf([part, ...rest]: string[]): string[] | undefined {
  const name = rest.at(-1)!;
  if (part === "task_types" && name === "wait_for_endpoints_timeout") return ["api", name];
  return part === "manager" && name === "endpoint" ? ["manager", "endpoints"] : undefined;
}
