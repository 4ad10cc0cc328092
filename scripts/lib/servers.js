const { spawnSync } = require("node:child_process");
const crypto = require("node:crypto");
const path = require("node:path");
const { aptInstall, canInstall } = require("./apt");
const { findMariadb, startMariadb } = require("./mariadb");
const { freePorts } = require("./ports");
const { alive, stopProcess } = require("./processes");
const { findRabbitmq, startRabbitmq } = require("./rabbitmq");

/** Between looking for a free port and taking it somebody else may take it; then other ports are tried. */
const START_ATTEMPTS = 3;

/**
 * Sees to it that the server programs are on the machine. Rejects with one sentence where they cannot be had.
 *
 * @param {{ broker?: boolean, database?: boolean }} wanted
 */
async function requirePrograms({ broker = true, database = true }) {
  const missing = () => [
    ...(broker && !findRabbitmq()
      ? [{ name: "RabbitMQ", packages: ["rabbitmq-server"], variable: "TASKER_TEST_BROKER_URI" }]
      : []),
    ...(database && !findMariadb()
      ? [
          {
            name: "MariaDB",
            packages: ["mariadb-server-core", "mariadb-client-core"],
            variable: "TASKER_TEST_DATABASE_URI",
          },
        ]
      : []),
  ];
  const absent = missing();
  if (absent.length === 0) return;
  const names = absent.map((one) => one.name).join(" and ");
  const advice = `install ${names}, or name a server in ${absent.map((one) => one.variable).join(" and ")}`;
  if (!canInstall()) {
    throw new Error(
      `No ${names} on this machine, and it is not Debian as root with apt-get, where it would be installed: ${advice}.`,
    );
  }
  try {
    await aptInstall(
      absent.flatMap((one) => one.packages),
      () => missing().length === 0,
    );
  } catch (error) {
    throw new Error(`No ${names} on this machine and installing failed (${error.message}): ${advice}.`);
  }
  if (missing().length > 0) throw new Error(`${names} was installed but its programs were not found: ${advice}.`);
}

/**
 * A private RabbitMQ with everything it keeps in `dir`. It may be stopped or killed and started again: same port, same data.
 *
 * @param {{ dir: string, password?: string, ports?: { amqp: number, management: number, dist: number, epmd: number },
 *   tls?: { ca: string, cert: string, key: string } }} options `tls`: PEM files of a server that speaks TLS
 */
function privateBroker({ dir, password = secret(), ports, tls }) {
  const server = {
    kind: "broker",
    dir,
    password,
    ports,
    uri: "",
    managementUri: "",
    pid: 0,
    epmdPid: 0,
    child: null,
    async start() {
      const started = await withPorts(server, ["amqp", "management", "dist", "epmd"], (chosen) =>
        startRabbitmq({ dir, ports: chosen, password, tls }),
      );
      server.child = started.child;
      server.pid = started.child.pid;
      server.epmdPid = started.epmd.pid;
      server.uri = started.uri;
      server.managementUri = started.managementUri;
      server.ctl = (...args) => ctl(started, args);
      release(started.child);
      release(started.epmd);
    },
    /** Ends the broker and its epmd: SIGTERM lets it close its connections and files, SIGKILL does not. */
    async stop(signal = "SIGTERM") {
      if (server.pid && alive(server.pid)) await stopProcess(server.pid, signal);
      if (server.epmdPid && alive(server.epmdPid)) await stopProcess(server.epmdPid, "SIGKILL");
    },
    kill: () => server.stop("SIGKILL"),
    /** The server's processes with a text of their command line by which they can be told from strangers. */
    processes: () => [
      { pid: server.pid, mark: `-tasker_dir ${dir.replace(/\s/g, "_")}` },
      { pid: server.epmdPid, mark: `-port ${server.ports.epmd}` },
    ],
  };
  return server;
}

/** A private MariaDB, as privateBroker. */
function privateDatabase({ dir, password = secret(), ports, tls }) {
  const server = {
    kind: "database",
    dir,
    password,
    ports,
    uri: "",
    pid: 0,
    child: null,
    async start() {
      const started = await withPorts(server, ["mysql"], (chosen) =>
        startMariadb({ dir, port: chosen.mysql, password, tls }),
      );
      server.child = started.child;
      server.pid = started.child.pid;
      server.uri = started.uri;
      release(started.child);
    },
    async stop(signal = "SIGTERM") {
      if (server.pid && alive(server.pid)) await stopProcess(server.pid, signal);
    },
    kill: () => server.stop("SIGKILL"),
    processes: () => [{ pid: server.pid, mark: `--datadir=${path.join(dir, "data")}` }],
  };
  return server;
}

/** A server that has ports keeps them for life: what is connected to it must find it again. */
async function withPorts(server, names, start) {
  for (let attempt = 1; ; attempt++) {
    const given = server.ports;
    const found = given ?? Object.fromEntries((await freePorts(names.length)).map((port, at) => [names[at], port]));
    try {
      const started = await start(found);
      server.ports = found;
      return started;
    } catch (error) {
      if (given || attempt === START_ATTEMPTS || !/in use|eaddrinuse|bind/i.test(error.message)) throw error;
    }
  }
}

/** It runs on when we end; whoever started it stops it by its process id. */
function release(child) {
  child.unref();
}

function ctl({ ctl: program, env }, args) {
  const done = spawnSync(program, ["-q", ...args], { env, encoding: "utf8" });
  if (done.status !== 0)
    throw new Error(`rabbitmqctl ${args[0]} failed: ${(done.stderr || done.stdout || String(done.error)).trim()}`);
  return done.stdout;
}

function secret() {
  return crypto.randomBytes(12).toString("hex");
}

module.exports = { requirePrograms, privateBroker, privateDatabase };
