const fs = require("node:fs");
const path = require("node:path");
const { withLock } = require("./lock");
const { ROOT, lockPath } = require("./paths");
const { commandLine, stopProcess } = require("./processes");
const { privateBroker, privateDatabase, requirePrograms } = require("./servers");

const FOLDER = path.join(ROOT, ".services");
const STATE = path.join(FOLDER, "state.json");
const ENV = path.join(FOLDER, "env");
const MAKERS = { broker: privateBroker, database: privateDatabase };
const NAMES = { broker: "RabbitMQ", database: "MariaDB" };

/** Starts the servers that do not run. Ports and passwords stay the same as long as the data exist. */
function servicesUp() {
  return locked(async () => {
    const state = readState();
    const down = Object.keys(MAKERS).filter((kind) => !isRunning(state[kind]));
    if (down.length === 0) return;
    await requirePrograms({ broker: down.includes("broker"), database: down.includes("database") });
    fs.mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
    for (const kind of down) {
      const before = state[kind] ?? {};
      for (const left of (before.processes ?? []).filter(isOurs)) await stopProcess(left.pid);
      const server = MAKERS[kind]({ dir: path.join(FOLDER, kind), password: before.password, ports: before.ports });
      // A port that is taken by now is given up; the data stay.
      await server.start().catch((error) => {
        if (!before.ports) throw error;
        server.ports = undefined;
        return server.start();
      });
      const { password, ports, uri, managementUri } = server;
      state[kind] = { password, ports, uri, managementUri, processes: server.processes() };
      writeFile(STATE, JSON.stringify(state, null, 2));
    }
    writeFile(
      ENV,
      Object.entries(variables(state))
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
  });
}

/** Stops the servers. Keeps the data unless asked to wipe them. */
function servicesDown({ wipe = false } = {}) {
  return locked(async () => {
    const state = readState();
    const processes = Object.keys(MAKERS)
      .flatMap((kind) => state[kind]?.processes ?? [])
      .filter(isOurs);
    await Promise.all(processes.map(({ pid }) => stopProcess(pid, wipe ? "SIGKILL" : "SIGTERM")));
    if (wipe) fs.rmSync(FOLDER, { recursive: true, force: true });
  });
}

/** @returns {{ env: Record<string, string>, servers: { name: string, pid: number, running: boolean }[] }} */
function servicesStatus() {
  const state = readState();
  const kinds = Object.keys(MAKERS).filter((kind) => state[kind]);
  return {
    env: variables(state),
    servers: kinds.map((kind) => ({
      name: NAMES[kind],
      pid: state[kind].processes[0].pid,
      running: isRunning(state[kind]),
    })),
  };
}

function variables({ broker, database }) {
  return {
    ...(database && { TASKER_DATABASE_URI: `${database.uri}tasker` }),
    ...(broker && { TASKER_BROKER_URI: `${broker.uri}/tasker`, ...administrator(broker.managementUri) }),
  };
}

/** The variables that config/development.config.yaml reads. */
function administrator(managementUri) {
  const { origin, username, password } = new URL(managementUri);
  return {
    TASKER_MANAGEMENT_URI: origin,
    TASKER_MANAGEMENT_USER: decodeURIComponent(username),
    TASKER_MANAGEMENT_PASSWORD: decodeURIComponent(password),
  };
}

function isRunning(server) {
  return Boolean(server?.processes.every(isOurs));
}

// A process id may be somebody else's after a restart of the machine.
function isOurs({ pid, mark }) {
  return commandLine(pid).includes(mark);
}

function readState() {
  return fs.existsSync(STATE) ? JSON.parse(fs.readFileSync(STATE, "utf8")) : {};
}

/** Readable by the owner only, since they hold passwords. */
function writeFile(file, text) {
  fs.writeFileSync(file, text, { mode: 0o600 });
}

function locked(work) {
  return withLock(lockPath("services"), work);
}

module.exports = { servicesUp, servicesDown, servicesStatus };
