const { execFile } = require("node:child_process");
const path = require("node:path");

const SCRIPTS = path.resolve(__dirname, "../wrk");

/**
 * One run of wrk: one thread, as many connections as said, each asking again as soon as it is answered.
 *
 * @returns {Promise<{ requests: number, seconds: number, errors: number, p50: number, p99: number }>} latencies in milliseconds
 */
function wrk(script, url, { seconds, connections = 64, args = [] }) {
  const all = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    path.join(SCRIPTS, script),
    url,
    "--",
    ...args,
  ];
  return new Promise((resolve, reject) => {
    execFile("wrk", all, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout) => {
      const found = /^RESULT (.*)$/m.exec(stdout ?? "");
      if (error || !found) reject(new Error(`wrk failed: ${error?.message ?? stdout}`));
      else resolve(JSON.parse(found[1]));
    });
  });
}

module.exports = { wrk };
