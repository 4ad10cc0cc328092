import { createHash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { payloadAjv } from "../../model/json/payload-schema";
import { isName, RESERVED_TYPE_NAMES } from "../../model/names";
import { readAllowedHost } from "../../model/network/allowed-host";
import type { Config } from "../config";
import { at, isMapping, type Layer, type Path } from "./layers";
import { keyProblem, valueProblem } from "./problems";

type Found = (path: Path, sentence: string) => void;

const PERFORMERS = ["command", "http", "jobs"];
/** Keys that mean something for commands only. */
const COMMAND_KEYS = ["success_codes", "env", "cwd", "max_output", "grace"];

/** What no schema can say about a config as written: names, what excludes what, payload schemas. */
export function checkWritten(raw: unknown, layers: readonly Layer[]): string[] {
  const problems: string[] = [];
  const found: Found = (path, sentence) => problems.push(keyProblem(layers, path, sentence));
  const types = at(raw, ["task_types"]);
  if (isMapping(types)) {
    for (const [name, type] of Object.entries(types)) {
      checkTypeName(name, found);
      if (!isMapping(type)) continue;
      checkPerformer(["task_types", name], type, found);
      for (const [index, other] of (Array.isArray(type.submits) ? type.submits : []).entries()) {
        if (typeof other === "string" && isName(other) && !Object.hasOwn(types, other))
          found(["task_types", name, "submits", index], `there is no task type ${other}`);
      }
      checkPayloadSchema(["task_types", name, "payload_schema"], type.payload_schema, found);
      checkAllowHosts(["task_types", name, "http", "allow_hosts"], at(type, ["http", "allow_hosts"]), found);
    }
  }
  const keys = at(raw, ["api", "keys"]);
  for (const [index, key] of (Array.isArray(keys) ? keys : []).entries()) checkKey(["api", "keys", index], key, found);
  if (at(raw, ["manager", "endpoint"]) != null && at(raw, ["manager", "endpoints"]) != null) {
    found(["manager", "endpoints"], "endpoint is given as well; write one of the two");
  }
  const heartbeat = at(raw, ["broker", "heartbeat"]);
  if (typeof heartbeat === "string") {
    problems.push(
      valueProblem(layers, ["broker", "heartbeat"], heartbeat, "a whole number of seconds, from 0 to 3600"),
    );
  }
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
  // Unknown keywords are misspelt ones here: a schema that checks less than it says would let bad payloads pass.
  const ajv = payloadAjv({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
  });
  try {
    ajv.compile(schema);
  } catch (error) {
    found(path, `it is not a JSON Schema (draft 2020-12): ${(error as Error).message}`);
  }
}

function checkAllowHosts(path: Path, hosts: unknown, found: Found): void {
  for (const [index, entry] of (Array.isArray(hosts) ? hosts : []).entries()) {
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

/** What was left out although this mode cannot guess it, and what production refuses. */
export function checkComplete(config: Config, raw: unknown, layers: readonly Layer[]): string[] {
  const problems: string[] = [];
  const { heartbeatMs, ttlMs } = config.manager;
  if (ttlMs < heartbeatMs * 2) {
    problems.push(
      valueProblem(
        layers,
        ["manager", "ttl"],
        at(raw, ["manager", "ttl"]) ?? "its default",
        "at least twice the heartbeat, or a living manager counts as dead",
      ),
    );
  }
  if (config.runMode === "production") problems.push(...checkProduction(config, raw, layers));
  return problems;
}

const DEFAULT_SECRETS = [
  "guest",
  "password",
  "changeme",
  "change-me",
  "secret",
  "admin",
  "root",
  "test",
  "default",
  "example",
];

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
    } else if (DEFAULT_SECRETS.includes(secret.toLowerCase())) {
      refuse(path, "its password is a well-known one; choose another");
    }
  }
  if (config.rabbitmq && DEFAULT_SECRETS.includes(config.rabbitmq.password.toLowerCase())) {
    const { hostname } = new URL(config.rabbitmq.managementUri);
    if (!isLoopback(hostname)) refuse(["rabbitmq", "password"], "it is a well-known one; choose another");
  }
  const keys = at(raw, ["api", "keys"]);
  if (Array.isArray(keys)) {
    keys.forEach((key, index) => {
      if (isMapping(key) && typeof key.key === "string" && isRepeated(key.key)) {
        refuse(["api", "keys", index, "key"], "it is an example, not a secret; make one with `tasker keys create`");
      }
    });
  }
  return problems;
}

function isRepeated(secret: string): boolean {
  return /change|example|secret|password/i.test(secret) || new Set(secret).size < 6;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").toLowerCase();
  const family = isIP(name);
  return family === 0 ? name === "localhost" : LOOPBACK.check(name, family === 6 ? "ipv6" : "ipv4");
}

/** SHA-256, hexadecimal, of a key's secret. */
export function hashKey(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
