import type { Command } from "commander";
import type { Endpoint } from "../../client";
import { readContexts } from "../../config/client-settings";
import type { Config } from "../../config/config";
import type * as Load from "../../config/loading/load";
import type * as FindHandler from "../../manager/runners/module/find-handler";
import { VERSION } from "../../version";
import { EXIT } from "../exit-codes";
import { explain } from "../failure";
import type { Style } from "../output";
import { act, type Session, withServer } from "../session";
import { type OpenWork, queues, type Say } from "./doctor-queues";
import { type ServerOptions, withConfig, withStore } from "./on-server";

interface Check {
  check: string;
  state: "ok" | "warning" | "failed";
  detail: string;
}

const STYLES: Record<Check["state"], Style> = { ok: "green", warning: "yellow", failed: "red" };
/** More than this between two clocks makes times on a screen misleading (nothing of tasker's own depends on it). */
const SKEW_MS = 5_000;

export function register(program: Command): void {
  const command = program
    .command("doctor")
    .description(
      "Look at everything that has to work: versions, config, handlers, database, server, key, endpoints, queues",
    );
  act(withServer(withConfig(command)), doctor);
}

async function doctor(session: Session, options: ServerOptions): Promise<number> {
  const { out } = session;
  const checks: Check[] = [];
  let worst = 0;
  const say: Say = (check, state, detail) => checks.push({ check, state, detail });
  /** A step that throws is a failed check; the first failure decides on the exit code. */
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

function versions(say: Say): void {
  say("versions", "ok", `tasker ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`);
}

function serverConfig(options: ServerOptions, say: Say): Config {
  const { loadConfigWithOrigins } = require("../../config/loading/load") as typeof Load;
  const { config, warnings } = loadConfigWithOrigins({ mode: options.mode, file: options.config });
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

/** Returns what is open, by type and endpoint: queues of it are somebody's, whatever the config says now. */
async function database(config: Config, say: Say): Promise<OpenWork> {
  const { keys, open } = await withStore(config, async (store) => ({
    keys: await store.access.keys(),
    open: await store.tasks.openCounts(),
  }));
  say("database", "ok", `reachable, ${keys.length} API key${keys.length === 1 ? "" : "s"}`);
  const former = open.filter(({ type }) => !Object.hasOwn(config.taskTypes, type));
  if (former.length > 0) {
    const types = [...new Set(former.map(({ type }) => type))].join(", ");
    const count = former.reduce((sum, one) => sum + one.count, 0);
    say(
      "types",
      "warning",
      `${count} ${count === 1 ? "response is" : "responses are"} open of types that the config no longer has (${types}): nobody performs them`,
    );
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
    const { expected, received, running, retrying } = endpoint.open;
    const owes = expected + received + running + retrying;
    if (endpoint.alive) say("endpoint", "ok", `${endpoint.name} is alive, owes ${owes}`);
    else
      say(
        "endpoint",
        "warning",
        `${endpoint.name} is ${endpoint.last_seen_at ? "silent" : "not seen yet"}, owes ${owes}`,
      );
  }
  return all;
}
