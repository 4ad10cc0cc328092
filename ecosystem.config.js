/**
 * pm2's view of tasker: `pm2 start ecosystem.config.js`, `pm2 reload …`, `pm2 stop …`. pm2 is a program of its own here, never
 * a library of ours.
 *
 * TASKER_ENDPOINT names this host's endpoint; several names with commas make a manager process each. TASKER_API_INSTANCES is
 * the number of API processes; they share the port, so more than one needs pm2's cluster mode, which is then used.
 */
const names = (process.env.TASKER_ENDPOINT || "")
  .split(",")
  .map((name) => name.trim())
  .filter(Boolean);
const instances = Number(process.env.TASKER_API_INSTANCES || 1);

/** Longer than the config's drain_timeout (10s API, 30s manager) and the grace in which a handler is killed. */
const API_KILL_MS = 20_000;
const MANAGER_KILL_MS = 45_000;

const common = {
  cwd: __dirname,
  script: "dist/src/cli/main.js",
  // Ready is said after the port is open and the queues are bound; until then a reload keeps the old process.
  wait_ready: true,
  listen_timeout: 30_000,
  // 100 ms, 150 ms, … up to 15 s between restarts of what does not stay up.
  exp_backoff_restart_delay: 100,
  // pm2 would send SIGINT to the whole tree: commands would die of it instead of being drained.
  treekill: false,
  autorestart: true,
  watch: false,
  merge_logs: true,
  time: false,
  env: { TASKER_MODE: process.env.TASKER_MODE || "production" },
};

module.exports = {
  apps: [
    {
      ...common,
      name: "tasker-api",
      args: "api",
      instances,
      exec_mode: instances > 1 ? "cluster" : "fork",
      kill_timeout: API_KILL_MS,
    },
    ...(names.length > 0 ? names : [""]).map((endpoint) => ({
      ...common,
      name: endpoint ? `tasker-manager-${endpoint}` : "tasker-manager",
      args: endpoint ? `manager --endpoint ${endpoint}` : "manager",
      instances: 1,
      exec_mode: "fork",
      kill_timeout: MANAGER_KILL_MS,
    })),
  ],
};
