import { payloadAjv } from "../../model/json/payload-schema";
import { isName, RESERVED_TYPE_NAMES } from "../../model/names";
import { isLoopback } from "../../model/network/addresses";
import { readAllowedHost } from "../../model/network/allowed-host";
import type { Config } from "../config";
import { at, isMapping, type Layer, type Path } from "./layers";
import { keyProblem, valueProblem } from "./problems";

type Found = (path: Path, sentence: string) => void;

const PERFORMERS = ["command", "http", "jobs"];
/** Keys that only a command has. */
const COMMAND_KEYS = ["success_codes", "env", "cwd", "max_output", "grace"];

/**
 * Checks the config as written for what no schema can express: names, exclusions, payload schemas.
 */
export function checkWritten(raw: unknown, layers: readonly Layer[]): string[] {
  const problems: string[] = [];
  const found: Found = (path, sentence) => problems.push(keyProblem(layers, path, sentence));
  const types = at(raw, ["task_types"]);
  if (isMapping(types)) {
    for (const [name, type] of Object.entries(types)) {
      checkTypeName(name, found);
      if (!isMapping(type)) continue;
      checkPerformer(["task_types", name], type, found);
      for (const [index, other] of listAt(type, ["submits"]).entries()) {
        if (typeof other === "string" && isName(other) && !Object.hasOwn(types, other))
          found(["task_types", name, "submits", index], `there is no task type ${other}`);
      }
      checkPayloadSchema(["task_types", name, "payload_schema"], type.payload_schema, found);
      checkAllowHosts(["task_types", name, "http", "allow_hosts"], listAt(type, ["http", "allow_hosts"]), found);
    }
  }
  for (const [index, key] of listAt(raw, ["api", "keys"]).entries()) checkKey(["api", "keys", index], key, found);
  if (at(raw, ["manager", "endpoint"]) != null && at(raw, ["manager", "endpoints"]) != null) {
    found(["manager", "endpoints"], "endpoint is given as well; write one of the two");
  }
  const [path, allowed] = [["broker", "heartbeat"], "a whole number of seconds, from 0 to 3600"] as const;
  const heartbeat = at(raw, path);
  if (typeof heartbeat === "string") problems.push(valueProblem(layers, path, heartbeat, allowed));
  return problems;
}

function checkTypeName(name: string, found: Found): void {
  if (RESERVED_TYPE_NAMES.includes(name)) {
    found(
      ["task_types", name],
      `"${name}" is a path of the HTTP interface, so a type may not have this name; taken are: ${RESERVED_TYPE_NAMES.join(", ")}`,
    );
  } else if (!isName(name)) {
    found(
      ["task_types", name],
      "a type's name has 1 to 63 characters: small letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
    );
  }
}

function checkPerformer(path: Path, type: Record<string, unknown>, found: Found): void {
  const given = ["handler", ...PERFORMERS].filter((key) => type[key] != null);
  if (given.length > 1)
    found([...path, given[1]!], `${given.join(" and ")} exclude each other: a type is performed in one way`);
  for (const key of type.command == null ? COMMAND_KEYS : []) {
    if (type[key] != null) found([...path, key], "it belongs to command, which this type does not have");
  }
  if (type.legacy_get === true && type.single_run !== true)
    found([...path, "legacy_get"], "it is for types with single_run: true");
  if (type.claim === "late" && type.single_run === true)
    found([...path, "claim"], "a type with single_run: true is claimed first: never two of its runs at once");
}

function checkPayloadSchema(path: Path, schema: unknown, found: Found): void {
  if (!isMapping(schema)) return;
  // An unknown keyword is most likely misspelt. Ignored, it would let bad payloads pass.
  const lenient = { strictTypes: false, strictTuples: false, strictRequired: false };
  const ajv = payloadAjv({ strict: true, ...lenient, logger: false });
  try {
    ajv.compile(schema);
  } catch (error) {
    found(path, `it is not a JSON Schema (draft 2020-12): ${(error as Error).message}`);
  }
}

function checkAllowHosts(path: Path, hosts: readonly unknown[], found: Found): void {
  for (const [index, entry] of hosts.entries()) {
    try {
      if (typeof entry === "string") readAllowedHost(entry);
    } catch (error) {
      found([...path, index], (error as Error).message);
    }
  }
}

function checkKey(path: Path, key: unknown, found: Found): void {
  if (!isMapping(key)) return;
  const given = ["key", "hash"].filter((one) => key[one] != null);
  if (given.length === 1) return;
  found(
    path,
    given.length === 0
      ? "the secret is missing: give key, or hash (sha256:…)"
      : "key and hash exclude each other; keep hash",
  );
}

/** Checks the completed config: values that contradict each other, and what production refuses. */
export function checkComplete(config: Config, raw: unknown, layers: readonly Layer[]): string[] {
  const problems: string[] = [];
  const { heartbeatMs, ttlMs } = config.manager;
  if (ttlMs < heartbeatMs * 2) {
    const [path, allowed] = [
      ["manager", "ttl"],
      "at least twice the heartbeat, or a living manager counts as dead",
    ] as const;
    problems.push(valueProblem(layers, path, at(raw, path) ?? "its default", allowed));
  }
  if (config.runMode === "production") problems.push(...checkProduction(config, raw, layers));
  return problems;
}

const WELL_KNOWN = /^(guest|password|changeme|change-me|secret|admin|root|test|default|example)$/i;

function checkProduction(config: Config, raw: unknown, layers: readonly Layer[]): string[] {
  const problems: string[] = [];
  const refuse = (path: Path, sentence: string) =>
    problems.push(keyProblem(layers, path, `${sentence} (production mode refuses it)`));
  for (const [path, uri] of [
    [["broker", "uri"], config.broker.uri],
    [["database", "uri"], config.database.uri],
  ] as const) {
    if (!URL.canParse(uri) || /^(sqlite|embedded):/.test(uri)) continue;
    const { hostname, username, password } = new URL(uri);
    const user = decodeURIComponent(username);
    const secret = decodeURIComponent(password);
    const isBroker = path[0] === "broker";
    if (isBroker && (user === "guest" || user === "") && (secret === "guest" || secret === "")) {
      if (!isLoopback(hostname))
        refuse(path, `guest/guest is RabbitMQ's well-known user, and the broker is at ${hostname}`);
    } else if (WELL_KNOWN.test(secret)) {
      refuse(path, "its password is a well-known one; choose another");
    }
  }
  if (config.rabbitmq && WELL_KNOWN.test(config.rabbitmq.password)) {
    const { hostname } = new URL(config.rabbitmq.managementUri);
    if (!isLoopback(hostname)) refuse(["rabbitmq", "password"], "it is a well-known one; choose another");
  }
  for (const [index, key] of listAt(raw, ["api", "keys"]).entries()) {
    if (isMapping(key) && typeof key.key === "string" && isExample(key.key)) {
      refuse(["api", "keys", index, "key"], "it is an example, not a secret; make one with `tasker keys create`");
    }
  }
  return problems;
}

function listAt(value: unknown, path: Path): readonly unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

function isExample(secret: string): boolean {
  return /change|example|secret|password/i.test(secret) || new Set(secret).size < 6;
}
