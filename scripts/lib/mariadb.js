const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { findProgram } = require("./find");
const { untilReady } = require("./ready");

const FOLDERS = [
  "/usr/sbin",
  "/usr/local/sbin",
  "/usr/libexec",
  "/usr/local/mysql/bin",
  "/opt/homebrew/opt/mariadb/bin",
  "/usr/local/opt/mariadb/bin",
];
const USER = "tasker";

/** MariaDB or MySQL as a private server: `{ server, installer }`; null when there is none on the machine. */
function findMariadb() {
  const server = findProgram(["mariadbd", "mysqld"], FOLDERS);
  if (!server) return null;
  const installer = findProgram(["mariadb-install-db", "mysql_install_db"], FOLDERS);
  const isMariadb = execFileSync(server, ["--no-defaults", "--version"], { encoding: "utf8" }).includes("MariaDB");
  // The installer is a script that calls it; Debian has it in the client's package.
  const complete = installer && findProgram(["my_print_defaults"], FOLDERS);
  if (isMariadb && !complete) return null;
  return { server, installer: isMariadb ? installer : null };
}

/**
 * Starts it on `port` of 127.0.0.1 with everything it keeps below `dir`; what an earlier start left there is used again.
 * The user `tasker` may do everything, the database `tasker` exists. Resolves when it takes connections.
 *
 * @param {{ dir: string, port: number, password: string, tls?: { ca: string, cert: string, key: string } }} options `tls`: PEM files
 * @returns {Promise<{ child: import("node:child_process").ChildProcess, uri: string }>} `uri` names no database
 */
async function startMariadb({ dir, port, password, tls }) {
  const program = findMariadb();
  if (!program) throw new Error("There is no MariaDB server on this machine.");
  const data = path.join(dir, "data");
  const log = path.join(dir, "server.log");
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const asUser = process.getuid?.() === 0 ? ["--user=root"] : [];
  if (!fs.existsSync(path.join(data, "mysql"))) createData(program, data, asUser);

  const statements = [
    "CREATE DATABASE IF NOT EXISTS tasker CHARACTER SET utf8mb4",
    `CREATE USER IF NOT EXISTS '${USER}'@'127.0.0.1' IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${USER}'@'127.0.0.1' WITH GRANT OPTION`,
  ];
  fs.writeFileSync(path.join(dir, "init.sql"), `${statements.join(";\n")};\n`, { mode: 0o600 });

  const args = [
    "--no-defaults",
    `--datadir=${data}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${socketPath(dir, port)}`,
    `--pid-file=${path.join(dir, "server.pid")}`,
    `--init-file=${path.join(dir, "init.sql")}`,
    "--skip-name-resolve",
    "--max-connections=400",
    "--innodb-buffer-pool-size=96M",
    "--performance-schema=OFF",
    ...asUser,
    ...(tls ? [`--ssl-ca=${tls.ca}`, `--ssl-cert=${tls.cert}`, `--ssl-key=${tls.key}`] : []),
    // MySQL opens a second port of its own (33060) unless told not to; MariaDB does not know the option.
    ...(program.installer ? [] : ["--mysqlx=OFF", "--disable-log-bin"]),
  ];
  const output = fs.openSync(log, "a");
  const from = fs.fstatSync(output).size;
  const child = spawn(program.server, args, { detached: true, env: ownTmp(dir), stdio: ["ignore", output, output] });
  fs.closeSync(output);
  await untilReady(child, {
    what: "MariaDB",
    log,
    from,
    deadlineMs: 60_000,
    isReady: () => /ready for connections/.test(fs.readFileSync(log, "utf8").slice(from)),
  });
  return { child, uri: `mysql://${USER}:${password}@127.0.0.1:${port}/` };
}

/** Its temporary tables are named by process id, and two servers in a shared /tmp may have the same one (containers). */
function ownTmp(dir) {
  return { ...process.env, TMPDIR: dir };
}

function createData({ server, installer }, data, asUser) {
  const args = installer
    ? ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=socket", "--skip-test-db", ...asUser]
    : ["--no-defaults", "--initialize-insecure", `--datadir=${data}`, ...asUser];
  try {
    execFileSync(installer ?? server, args, { env: ownTmp(path.dirname(data)), stdio: "pipe" });
  } catch (error) {
    fs.rmSync(data, { recursive: true, force: true });
    const said = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim() || error.message;
    throw new Error(`MariaDB could not make its data folder ${data}: ${said}`);
  }
}

// The path of a Unix socket may be only about a hundred characters long; a checkout's own path may be longer.
function socketPath(dir, port) {
  const inside = path.join(dir, "server.sock");
  return inside.length < 100 ? inside : path.join(os.tmpdir(), `tasker-mariadb-${port}.sock`);
}

module.exports = { findMariadb, startMariadb };
