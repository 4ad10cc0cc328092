const { execFileSync, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { aptInstall, canInstall } = require("../../scripts/lib/apt");
const { findProgram } = require("../../scripts/lib/find");
const { startGuard } = require("../../scripts/lib/guard");
const { freePorts } = require("../../scripts/lib/ports");
const { PYTHON } = require("../../scripts/lib/python");
const { privateBroker, privateDatabase, requirePrograms } = require("../../scripts/lib/servers");
const { startProgram } = require("./processes");

const PACKAGES = { wrk: "wrk", "redis-server": "redis-server", celery: "python3-celery" };

/** Ensures that a program is installed; on Debian it installs the package. */
async function requireProgram(name) {
  const isThere = () => (name === "celery" ? hasCelery() : findProgram([name]) !== null);
  if (isThere()) return;
  if (canInstall()) await aptInstall([PACKAGES[name]], isThere);
  if (!isThere())
    throw new Error(`${name} is not on this machine: install it (Debian's package is ${PACKAGES[name]}).`);
}

function hasCelery() {
  return spawnSync(PYTHON, ["-c", "import celery"], { stdio: "ignore" }).status === 0;
}

/**
 * Private servers for one run, each started when it is first asked for, all of them gone when this process ends.
 *
 * `build`: a folder of compiled files to run tasker from, instead of this checkout's. `alone`: the
 * peers are not started.
 */
class Servers {
  constructor({ build = null, alone = false } = {}) {
    this.build = build;
    this.alone = alone;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "tasker-bench-"));
    this.guard = startGuard();
    this.guard.removeLater(this.folder);
    this.started = new Map();
    this.names = 0;
  }

  broker() {
    return this.once("broker", () => this.server(privateBroker, { broker: true, database: false }));
  }

  database() {
    return this.once("database", () => this.server(privateDatabase, { broker: false, database: true }));
  }

  /** Redis as its documentation says for durability: the append-only file, written through before each answer. */
  redis() {
    return this.once("redis", async () => {
      await requireProgram("redis-server");
      const [port] = await freePorts(1);
      const dir = path.join(this.folder, "redis");
      fs.mkdirSync(dir);
      const settings = {
        port,
        bind: "127.0.0.1",
        dir,
        appendonly: "yes",
        appendfsync: "always",
        "maxmemory-policy": "noeviction",
      };
      const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
      const program = await startProgram("redis", "redis-server", args, {
        folder: this.folder,
        ready: /Ready to accept connections/,
      });
      this.guard.watch([{ pid: program.pid, mark: `:${port}` }]);
      return { ...program, port, pid: program.pid };
    });
  }

  /** A new database: `{ uri, name, pid }`. */
  async newDatabase() {
    const server = await this.database();
    const name = `bench_${++this.names}`;
    const { createConnection } = require("mysql2/promise");
    const connection = await createConnection(server.uri);
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await connection.end();
    return { uri: new URL(name, server.uri).href, name, pid: server.pid };
  }

  /** Sets global variables of the database server, for loads beyond its defaults. */
  async configureDatabase(settings) {
    const server = await this.database();
    const { createConnection } = require("mysql2/promise");
    const connection = await createConnection(server.uri);
    for (const [name, value] of Object.entries(settings)) await connection.query(`SET GLOBAL ${name} = ${value}`);
    await connection.end();
  }

  /** A new vhost: `{ uri, pid }`. */
  async newVhost() {
    const server = await this.broker();
    const name = `bench-${++this.names}`;
    server.ctl("add_vhost", name);
    server.ctl("set_permissions", "-p", name, "tasker", ".*", ".*", ".*");
    return { uri: `${server.uri}/${name}`, name, managementUri: server.managementUri, pid: server.pid };
  }

  newFolder(name) {
    const folder = path.join(this.folder, `${name}-${++this.names}`);
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }

  close() {
    return this.guard.done();
  }

  async server(make, wanted) {
    await requirePrograms(wanted);
    const server = make({ dir: path.join(this.folder, wanted.broker ? "broker" : "database") });
    await server.start();
    this.guard.watch(server.processes());
    return server;
  }

  once(name, start) {
    if (!this.started.has(name)) this.started.set(name, start());
    return this.started.get(name);
  }
}

/** The versions of the programs in the measurement: name → version. */
function versions(peers) {
  const text = (program, args) => {
    try {
      return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return "";
    }
  };
  const first = (pattern, from) => pattern.exec(from)?.[1] ?? null;
  const modules = findProgram(["rabbitmqctl"]) ? fs.readdirSync("/usr/lib/rabbitmq/lib").join(" ") : "";
  const all = {
    node: process.version.slice(1),
    mariadb: first(/(\d+\.\d+\.\d+)-MariaDB/, text("mariadbd", ["--no-defaults", "--version"])),
    rabbitmq: first(/rabbitmq_server-([\d.]+)/, modules),
    redis: first(/v=([\d.]+)/, text("redis-server", ["--version"])),
    wrk: first(/wrk (\S+)/, `${text("dpkg-query", ["-W", "-f", "wrk ${Version}", "wrk"])}`),
    celery: first(/^(\S+)/, text("dpkg-query", ["-W", "-f", "${Version}", "python3-celery"])),
    ...peers,
  };
  return Object.fromEntries(Object.entries(all).filter(([, version]) => version !== null));
}

module.exports = { PYTHON, Servers, requireProgram, versions };
