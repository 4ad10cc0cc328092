const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { startGuard } = require("./guard");
const { privateBroker, privateDatabase, requirePrograms } = require("./servers");

/**
 * Servers for one run of the tests: those that the environment names, else private ones in a temporary folder that is gone
 * afterwards, however this process ends.
 *
 * @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>} `env`: TASKER_TEST_DATABASE_URI (a user who
 *   may create databases), TASKER_TEST_BROKER_URI (one who may create vhosts), TASKER_TEST_MANAGEMENT_URI (`http://user:password@…`)
 */
async function testServers() {
  const named = { broker: process.env.TASKER_TEST_BROKER_URI, database: process.env.TASKER_TEST_DATABASE_URI };
  const wanted = { broker: !named.broker, database: !named.database };
  if (named.database) await reach("TASKER_TEST_DATABASE_URI", named.database, 3306);
  if (named.broker) await reach("TASKER_TEST_BROKER_URI", named.broker, 5672);
  const management = named.broker ? (process.env.TASKER_TEST_MANAGEMENT_URI ?? managementOf(named.broker)) : "";
  if (named.broker) await reach("TASKER_TEST_MANAGEMENT_URI", management, 15672);

  const env = {
    TASKER_TEST_DATABASE_URI: named.database ?? "",
    TASKER_TEST_BROKER_URI: named.broker ?? "",
    TASKER_TEST_MANAGEMENT_URI: management,
  };
  if (!wanted.broker && !wanted.database) return { env, stop: async () => {} };

  await requirePrograms(wanted);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tasker-test-"));
  const guard = startGuard();
  guard.removeLater(folder);
  const servers = [
    ...(wanted.broker ? [privateBroker({ dir: path.join(folder, "broker") })] : []),
    ...(wanted.database ? [privateDatabase({ dir: path.join(folder, "database") })] : []),
  ];
  const starts = servers.map((server) => server.start().then(() => guard.watch(server.processes())));
  const failed = (await Promise.allSettled(starts)).find((start) => start.status === "rejected");
  if (failed) {
    await guard.done();
    throw failed.reason;
  }
  for (const server of servers) {
    if (server.kind === "database") env.TASKER_TEST_DATABASE_URI = server.uri;
    else Object.assign(env, { TASKER_TEST_BROKER_URI: server.uri, TASKER_TEST_MANAGEMENT_URI: server.managementUri });
  }
  return { env, stop: guard.done };
}

/** The management plugin stands on the broker's own host, at its usual port, unless it is said otherwise. */
function managementOf(brokerUri) {
  const { username, password, hostname } = new URL(brokerUri);
  return `http://${username}:${password}@${hostname}:15672`;
}

function reach(variable, uri, usualPort) {
  const { hostname, port } = new URL(uri);
  const to = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || usualPort };
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...to, timeout: 5000 });
    const fail = (why) => {
      socket.destroy();
      reject(new Error(`The server that ${variable} names does not answer at ${to.host}:${to.port} (${why}).`));
    };
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => fail("no connection within 5 seconds"));
    socket.once("error", (error) => fail(error.code ?? error.message));
  });
}

module.exports = { testServers };
