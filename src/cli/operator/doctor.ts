import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { Endpoint } from "../../client";
import { readContexts } from "../../config/client-settings";
import type { Config } from "../../config/config";
import type * as FindHandler from "../../manager/runners/module/find-handler";
import { VERSION } from "../../version";
import { EXIT } from "../exit-codes";
import { explain } from "../failure";
import type { Style } from "../output";
import { act, type Session, withServer } from "../session";
import { owed } from "../tasks/rows";
import { count } from "../text";
import { type OpenWork, queues, type Say } from "./doctor-queues";
import { loadedConfig, type ServerOptions, withConfig, withStore } from "./on-server";

interface Check {
  check: string;
  state: "ok" | "warning" | "failed";
  detail: string;
}

const STYLES: Record<Check["state"], Style> = { ok: "green", warning: "yellow", failed: "red" };
/** A larger difference between two clocks makes displayed times misleading. */
const SKEW_MS = 5_000;

export function register(program: Command): void {
  const command = program
    .command("doctor")
    .description("Check versions, config, handlers, database, server, key, endpoints and queues");
  act(withServer(withConfig(command)), doctor);
}

async function doctor(session: Session, options: ServerOptions): Promise<number> {
  const { out } = session;
  const checks: Check[] = [];
  let worst = 0;
  const say: Say = (check, state, detail) => checks.push({ check, state, detail });
  /** A step that throws is a failed check. The first failure determines the exit code. */
  const step = async (name: string, work: () => Promise<void> | void): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      const { exit, lines } = explain(error);
      worst ||= exit;
      say(name, "failed", lines.join(" ").replace(/^error: /, ""));
      return false;
    }
  };
  await step("versions", () => versions(say));
  let config: Config | null = null;
  let open: OpenWork | null = null;
  await step("config", async () => {
    config = serverConfig(options, say);
    if (needsNoDatabase(config)) say("database", "ok", "none is needed here: managers report over the broker");
    else
      await step("database", async () => {
        open = await database(config!, say);
      });
  });
  let known: Endpoint[] | null = null;
  const settings = await step("client", () => clientSide(session, say));
  if (settings && (await step("server", () => server(session, say)))) {
    if (await step("key", () => access(session, say))) {
      await step("endpoints", async () => {
        known = await endpoints(session, say);
      });
    }
  }
  if (config) await step("queues", () => queues(config!, known, open, say));
  out.result({
    json: { ok: worst === 0, checks },
    ids: checks.filter(({ state }) => state === "failed").map(({ check }) => check),
    columns: ["CHECK", "STATE", "DETAIL"],
    rows: checks.map(({ check, state, detail }) => [check, { text: state, style: STYLES[state] }, detail]),
  });
  return worst || (checks.some(({ state }) => state === "failed") ? EXIT.unexpected : EXIT.done);
}

/** The config of a host with managers only, which names no database. */
function needsNoDatabase({ broker, database, manager }: Config): boolean {
  const remote = manager.report === "broker" && !broker.uri.startsWith("embedded:");
  return remote && database.uri.startsWith("sqlite:") && !existsSync(database.uri.slice("sqlite:".length));
}

function versions(say: Say): void {
  say("versions", "ok", `tasker ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`);
}

function serverConfig(options: ServerOptions, say: Say): Config {
  const { config, warnings } = loadedConfig(options);
  say("config", "ok", `${config.file ?? "defaults"} (${config.runMode})`);
  for (const warning of warnings) say("config", "warning", warning);
  const { findHandler } = require("../../manager/runners/module/find-handler") as typeof FindHandler;
  for (const type of Object.values(config.taskTypes)) {
    const names = type.jobs.length > 0 ? type.jobs : type.performer.kind === "module" ? [type.performer.handler] : [];
    for (const name of names) {
      const found = findHandler(name, config.handlersDir);
      if ("missing" in found) say("handler", "warning", `${type.name}: ${found.missing}`);
    }
  }
  return config;
}

/** Returns the open responses; their queues are in use, whatever the config says now. */
async function database(config: Config, say: Say): Promise<OpenWork> {
  const { keys, open } = await withStore(config, async (store) => ({
    keys: await store.access.keys(),
    open: await store.tasks.openCounts(),
  }));
  say("database", "ok", `reachable, ${count(keys.length, "API key")}`);
  const former = open.filter(({ type }) => !Object.hasOwn(config.taskTypes, type));
  if (former.length > 0) {
    const types = [...new Set(former.map(({ type }) => type))].join(", ");
    const open = former.reduce((sum, one) => sum + one.count, 0);
    const are = `${open} ${open === 1 ? "response is" : "responses are"}`;
    say("types", "warning", `${are} open of types that the config no longer has (${types}): nobody performs them`);
  }
  return open;
}

function clientSide(session: Session, say: Say): void {
  const { url, urlFrom, apiKeyFrom } = session.settings;
  const contexts = Object.keys(readContexts().contexts).length;
  say("client", "ok", `${url} (${urlFrom}), key: ${apiKeyFrom ?? "none"}, ${contexts} contexts`);
}

async function server({ client }: Session, say: Say): Promise<void> {
  const before = Date.now();
  const health = await client.health({ signal: AbortSignal.timeout(10_000) });
  say("server", health.ready ? "ok" : "failed", health.ready ? "ready" : health.status.replace("_", " "));
  for (const [name, check] of Object.entries(health.checks)) {
    const { ok, ...rest } = check;
    const detail = Object.entries(rest).map(
      ([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    say(`server: ${name}`, ok ? "ok" : "failed", detail.join(", "));
  }
  if (health.at === null) return;
  const skew = Date.parse(health.at) + 500 - (before + Date.now()) / 2;
  const state = Math.abs(skew) > SKEW_MS ? "warning" : "ok";
  say("clock", state, `${Math.abs(Math.round(skew / 1000))} s ${skew > 0 ? "behind" : "ahead of"} the server's`);
}

async function access({ client }: Session, say: Say): Promise<void> {
  const types = await client.types();
  say("key", "ok", `may read; types: ${types.map((type) => type.name).join(", ") || "none"}`);
}

async function endpoints({ client }: Session, say: Say): Promise<Endpoint[]> {
  const all = await client.endpoints();
  if (all.length === 0) say("endpoints", "warning", "none is known: start a manager");
  for (const endpoint of all) {
    const state = endpoint.alive ? "alive" : endpoint.last_seen_at ? "silent" : "not seen yet";
    say("endpoint", endpoint.alive ? "ok" : "warning", `${endpoint.name} is ${state}, owes ${owed(endpoint.open)}`);
  }
  return all;
}
