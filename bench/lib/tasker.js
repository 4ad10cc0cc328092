const fs = require("node:fs");
const path = require("node:path");
const { freePorts } = require("../../scripts/lib/ports");
const { startProgram } = require("./processes");

const ROOT = path.resolve(__dirname, "../..");
const DIST = process.env.TASKER_BENCH_DIST ?? path.join(ROOT, "dist");
const HANDLERS = path.join(ROOT, "bench/handlers");

/** A no-op, performed in the manager's process, as the peers' workers perform theirs. */
const NOOP = { isolation: "inline", concurrency: 100, handler: "noop" };

/**
 * Starts tasker in a new database and a new vhost: API processes and manager processes, or (`embedded`) all in one.
 *
 * @param {import("./servers").Servers} servers
 * @param {{ types: object, managers?: string[][], apis?: number, embedded?: boolean, env?: object, database?: object,
 *   poolSize?: number, api?: object, node?: string[], readyMs?: number }} options `managers`: for each manager process, its endpoints; `database`:
 *   one of `servers.newDatabase()` that is used again; `api`: more of the config's `api`; `node`: options of the processes
 */
async function startTasker(servers, options) {
  const { types, managers = [["e1"]], apis = 1, embedded = false, env = {}, database: given, poolSize } = options;
  const { api: apiSettings = {}, node: nodeOptions = [], readyMs } = options;
  const folder = servers.newFolder("tasker");
  const database = embedded ? null : (given ?? (await servers.newDatabase()));
  const vhost = embedded ? null : await servers.newVhost();
  const ports = await freePorts(apis);
  const base = {
    task_types: types,
    handlers: HANDLERS,
    database: {
      uri: database?.uri ?? `sqlite:${path.join(folder, "tasker.db")}`,
      ...(poolSize ? { pool_size: poolSize } : {}),
    },
    broker: { uri: vhost?.uri ?? "embedded:" },
    log: { level: "warn" },
  };
  const main = path.join(servers.build ?? DIST, "src/cli/main.js");
  const run = (name, command, config) => {
    const file = path.join(folder, `${name}.yaml`);
    // JSON is YAML.
    fs.writeFileSync(file, JSON.stringify({ ...base, ...config }, null, 2));
    const profile = process.env.TASKER_BENCH_PROFILE;
    const node = profile ? ["--cpu-prof", `--cpu-prof-dir=${profile}/${name}`] : nodeOptions;
    return startProgram(name, process.execPath, [...node, main, command], {
      folder,
      cwd: folder,
      env: { ...env, TASKER_CONFIG: file },
      ready: /^tasker .*(?:ready|up on)/m,
      readyMs,
    });
  };
  const managerOf = (endpoints, name) => ({
    endpoints,
    slot: name,
    spool: path.join(folder, `spool-${name}`),
  });
  const programs = [];
  if (embedded) {
    const api = { port: ports[0], host: "127.0.0.1", outbox_limit: 1_000_000 };
    programs.push(await run("tasker", "up", { api, manager: managerOf(managers.flat(), "tasker") }));
  } else {
    for (const [i, port] of ports.entries()) {
      const name = apis === 1 ? "api" : `api${i + 1}`;
      programs.push(await run(name, "api", { api: { port, outbox_limit: 1_000_000, ...apiSettings } }));
    }
    const started = managers.map((endpoints, i) => {
      const name = managers.length === 1 ? "manager" : `manager${i + 1}`;
      return run(name, "manager", { manager: managerOf(endpoints, name) });
    });
    programs.push(...(await Promise.all(started)));
  }
  const pids = Object.fromEntries(programs.map(({ name, pid }) => [name, pid]));
  if (!embedded) Object.assign(pids, { broker: vhost.pid, database: database.pid });
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  return new Tasker(urls, { programs, pids, database, vhost, folder, types: Object.keys(types) });
}

class Tasker {
  constructor(urls, { programs, pids, database, vhost, folder, types }) {
    this.folder = folder;
    this.types = types;
    this.vhost = vhost;
    this.urls = urls;
    this.url = urls[0];
    this.programs = programs;
    this.pids = pids;
    this.database = database;
    this.connection = null;
  }

  async json(address, init) {
    const response = await fetch(this.url + address, init);
    return response.json();
  }

  post(address, body) {
    return this.json(address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /** Responses of the type that are not final yet. */
  async open(type) {
    const { open } = await this.json(`/types/${type}`);
    return Object.values(open).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when every response of the type is final in the database. */
  async untilDone(type) {
    for (;;) {
      if ((await this.open(type)) === 0) return performance.now();
      await pause(20);
    }
  }

  /** Tasks stored by these processes so far. */
  async created() {
    const counts = await Promise.all(
      this.urls.map(async (url) => {
        const text = await (await fetch(`${url}/metrics`)).text();
        return [...text.matchAll(/^tasker_tasks_created_total\{[^}]*\} (\d+)/gm)].reduce(
          (sum, [, n]) => sum + Number(n),
          0,
        );
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async query(sql, values) {
    if (!this.connection) this.connection = await require("mysql2/promise").createConnection(this.database.uri);
    return (await this.connection.query(sql, values))[0];
  }

  /** Resolves when no background work is left, which the next run would pay for. */
  async settled() {
    if (!this.database) return pause(1500);
    for (;;) {
      const [{ n }] = await this.query("SELECT COUNT(*) AS n FROM tasks WHERE type IN (?) AND status IN (?)", [
        this.types,
        ["scheduled", "pending", "running", "incomplete"],
      ]);
      if (Number(n) === 0) return;
      await pause(50);
    }
  }

  async stop() {
    await this.connection?.end();
    await Promise.all(this.programs.map((program) => program.stop("SIGINT")));
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

module.exports = { startTasker, NOOP, ROOT, pause };
