const fs = require("node:fs");
const { pause } = require("./tasker");

/** Age of the management plugin's figures of connections, at most. */
const STALE_MS = 6000;

/**
 * What database and broker have done so far, as a flat object of numbers that may be subtracted. Statements by their kind, bytes on
 * their connections and to their disks.
 */
async function counters(tasker) {
  const rows = await tasker.query("SHOW GLOBAL STATUS");
  const status = Object.fromEntries(rows.map(({ Variable_name, Value }) => [Variable_name, Number(Value)]));
  const statements = Object.fromEntries(
    Object.entries(status)
      .filter(([name]) => /^Com_/.test(name) && !/^Com_(show|set|admin|stmt)/.test(name))
      .map(([name, value]) => [`statement ${name.slice(4)}`, value]),
  );
  return {
    ...statements,
    statements: status.Questions,
    "database received": status.Bytes_received,
    "database sent": status.Bytes_sent,
    "redo log": status.Innodb_os_log_written,
    "database to disk": diskBytes(tasker.pids.database),
    "broker to disk": diskBytes(tasker.pids.broker),
    ...(await brokerCounters(tasker.vhost)),
  };
}

async function brokerCounters({ name, managementUri }) {
  await pause(STALE_MS);
  const { origin, username, password } = new URL(managementUri);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const get = async (address) => (await fetch(`${origin}/api/${address}`, { headers: { authorization } })).json();
  const connections = await get(`vhosts/${encodeURIComponent(name)}/connections`);
  const { message_stats: messages = {} } = await get(`vhosts/${encodeURIComponent(name)}`);
  const sum = (field) => connections.reduce((total, connection) => total + (connection[field] ?? 0), 0);
  return { "broker received": sum("recv_oct"), "broker sent": sum("send_oct"), messages: messages.publish ?? 0 };
}

/** Bytes that a process has written to disk; NaN without /proc. */
function diskBytes(pid) {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(fs.readFileSync(`/proc/${pid}/io`, "utf8"))[1]);
  } catch {
    return Number.NaN;
  }
}

/** The difference of the counters, for each task. */
function each(before, after, tasks) {
  return Object.fromEntries(Object.keys(after).map((name) => [name, (after[name] - (before[name] ?? 0)) / tasks]));
}

/** Bytes of the tables, `{ data, index }`, as the server reports them. */
async function tableBytes(tasker) {
  const [tables] = [await tasker.query("SHOW TABLES")];
  for (const row of tables) await tasker.query(`ANALYZE TABLE ${Object.values(row)[0]}`);
  const [sizes] = await tasker.query(
    "SELECT SUM(data_length) AS data, SUM(index_length) AS indexes FROM information_schema.tables WHERE table_schema = DATABASE()",
  );
  return { "rows on disk": Number(sizes.data), "indexes on disk": Number(sizes.indexes) };
}

module.exports = { counters, each, tableBytes };
