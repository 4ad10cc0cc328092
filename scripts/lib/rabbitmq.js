const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { findProgram, subfolders } = require("./find");
const { stopProcess } = require("./processes");
const { untilReady } = require("./ready");

const USER = "tasker";

// Debian's /usr/sbin/rabbitmq-server switches to a user of its own; the script behind it runs as whoever calls it.
const FOLDERS = [
  "/usr/lib/rabbitmq/bin",
  ...subfolders("/usr/lib/rabbitmq/lib").map((folder) => path.join(folder, "sbin")),
  "/opt/homebrew/opt/rabbitmq/sbin",
  "/usr/local/opt/rabbitmq/sbin",
  "/opt/rabbitmq/sbin",
];

/** RabbitMQ and Erlang's name server: `{ server, ctl, epmd }`; null when they are not on the machine. */
function findRabbitmq() {
  const server =
    FOLDERS.map((folder) => findIn(folder, "rabbitmq-server")).find(Boolean) ?? findProgram(["rabbitmq-server"]);
  const erlang = ["/usr/lib/erlang", "/usr/local/lib/erlang", "/opt/homebrew/lib/erlang"];
  const epmd = findProgram(
    ["epmd"],
    erlang.flatMap((top) => subfolders(top).map((folder) => path.join(folder, "bin"))),
  );
  const erl = findProgram(["erl"]);
  if (!server || !epmd || !erl) return null;
  return { server, ctl: path.join(path.dirname(server), "rabbitmqctl"), epmd };
}

function findIn(folder, name) {
  const file = path.join(folder, name);
  return fs.existsSync(file) ? file : null;
}

/**
 * Starts it on `ports` of 127.0.0.1 with the management plugin and everything it keeps below `dir`; what an earlier start left
 * there is used again. It has a name server (epmd) of its own. The user `tasker` is administrator; the vhosts `/` and `tasker` exist.
 *
 * With `tls` (PEM files) its AMQP port speaks TLS only, and the URI begins with amqps:.
 *
 * @param {{ dir: string, ports: { amqp: number, management: number, dist: number, epmd: number }, password: string,
 *   tls?: { ca: string, cert: string, key: string } }} options
 * @returns {Promise<{ child, epmd, uri: string, managementUri: string, ctl: string, env: Record<string, string> }>} the two
 *   processes; `uri` names no vhost; `ctl` is rabbitmqctl and `env` what it needs to speak to this server
 */
async function startRabbitmq({ dir, ports, password, tls }) {
  const program = findRabbitmq();
  if (!program) throw new Error("There is no RabbitMQ server on this machine.");
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const env = environment(dir, ports);
  writeConfig(dir, ports, password, tls);

  const log = path.join(dir, "server.log");
  const output = fs.openSync(log, "a");
  const from = fs.fstatSync(output).size;
  const background = { env, cwd: dir, detached: true, stdio: ["ignore", output, output] };
  const epmd = spawn(program.epmd, ["-port", String(ports.epmd), "-address", "127.0.0.1"], background);
  // Erlang makes a table as long as the number of files it may open, which is a thousand million in some containers.
  const child = spawn("/bin/sh", ["-c", 'ulimit -n 60000 2>/dev/null; exec "$0"', program.server], background);
  fs.closeSync(output);
  const managementUri = `http://${USER}:${password}@127.0.0.1:${ports.management}`;
  try {
    await untilReady(epmd, {
      what: "Erlang's epmd",
      log,
      from,
      deadlineMs: 10_000,
      isReady: () => answersNames(program.epmd, ports, env),
    });
    await untilReady(child, {
      what: "RabbitMQ",
      log,
      from,
      deadlineMs: 120_000,
      isReady: () => makeVhost(ports, password),
    });
  } catch (error) {
    await stopProcess(child.pid, "SIGKILL");
    await stopProcess(epmd.pid, "SIGKILL");
    throw error;
  }
  return {
    child,
    epmd,
    uri: `${tls ? "amqps" : "amqp"}://${USER}:${password}@127.0.0.1:${ports.amqp}`,
    managementUri,
    ctl: program.ctl,
    env,
  };
}

function environment(dir, ports) {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(RABBITMQ|ERL)_/.test(name)));
  return {
    ...kept,
    HOME: dir,
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    // Always the same name, for the data belong to it. It is nobody else's: only this server's own epmd knows it.
    RABBITMQ_NODENAME: "tasker@localhost",
    RABBITMQ_DIST_PORT: String(ports.dist),
    RABBITMQ_CONF_ENV_FILE: path.join(dir, "none.conf"),
    RABBITMQ_CONFIG_FILE: path.join(dir, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: path.join(dir, "none.config"),
    RABBITMQ_GENERATED_CONFIG_DIR: path.join(dir, "generated"),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(dir, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: path.join(dir, "data"),
    RABBITMQ_PLUGINS_EXPAND_DIR: path.join(dir, "plugins"),
    RABBITMQ_LOG_BASE: dir,
    RABBITMQ_LOGS: "-",
    RABBITMQ_PID_FILE: path.join(dir, "server.pid"),
    RABBITMQ_MAX_NUMBER_OF_PROCESSES: "65536",
    // The script then becomes the server instead of standing in front of it, so that its process id is the server's.
    RUNNING_UNDER_SYSTEMD: "true",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
      "-kernel inet_dist_use_interface {127,0,0,1}",
      `-tasker_dir ${dir.replace(/\s/g, "_")}`,
    ].join(" "),
  };
}

function writeConfig(dir, ports, password, tls) {
  const lines = [
    ...(tls
      ? [
          "listeners.tcp = none",
          `listeners.ssl.1 = 127.0.0.1:${ports.amqp}`,
          `ssl_options.cacertfile = ${tls.ca}`,
          `ssl_options.certfile = ${tls.cert}`,
          `ssl_options.keyfile = ${tls.key}`,
        ]
      : [`listeners.tcp.1 = 127.0.0.1:${ports.amqp}`]),
    "management.tcp.ip = 127.0.0.1",
    `management.tcp.port = ${ports.management}`,
    `default_user = ${USER}`,
    `default_pass = ${password}`,
    "default_vhost = /",
    "default_user_tags.administrator = true",
    "default_permissions.configure = .*",
    "default_permissions.read = .*",
    "default_permissions.write = .*",
    "vm_memory_high_watermark.absolute = 1GB",
    "disk_free_limit.absolute = 100MB",
    "log.console.level = warning",
    "log.file = false",
  ];
  fs.writeFileSync(path.join(dir, "rabbitmq.conf"), `${lines.join("\n")}\n`, { mode: 0o600 });
  fs.writeFileSync(path.join(dir, "enabled_plugins"), "[rabbitmq_management].\n");
  const cookie = path.join(dir, ".erlang.cookie");
  if (!fs.existsSync(cookie))
    fs.writeFileSync(cookie, require("node:crypto").randomBytes(15).toString("hex"), { mode: 0o400 });
}

function answersNames(epmd, ports, env) {
  return spawnSync(epmd, ["-port", String(ports.epmd), "-names"], { env, stdio: "ignore" }).status === 0;
}

/** Makes the vhost `tasker`; false while the management API does not answer to our password yet. */
async function makeVhost(ports, password) {
  const headers = {
    authorization: `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`,
    "content-type": "application/json",
  };
  const api = `http://127.0.0.1:${ports.management}/api`;
  const everything = JSON.stringify({ configure: ".*", write: ".*", read: ".*" });
  try {
    const vhost = await fetch(`${api}/vhosts/tasker`, { method: "PUT", headers, body: "{}" });
    const rights = await fetch(`${api}/permissions/tasker/${USER}`, { method: "PUT", headers, body: everything });
    return vhost.ok && rights.ok;
  } catch {
    return false;
  }
}

module.exports = { findRabbitmq, startRabbitmq };
