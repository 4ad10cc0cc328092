/**
 * `npm run services -- up|down|status`: a private RabbitMQ and MariaDB for development, with their data in .services/.
 * `up` prints their addresses and writes them to .services/env, which `npm run dev` reads. `down --wipe` deletes the data.
 */
const { servicesDown, servicesStatus, servicesUp } = require("./lib/development-services");
const { main } = require("./lib/main");

const USAGE = "Usage: npm run services -- up | down [--wipe] | status";

main(async () => {
  const [command, ...flags] = process.argv.slice(2);
  const known = flags.every((flag) => command === "down" && flag === "--wipe");
  if (!known || !["up", "down", "status"].includes(command)) {
    console.error(USAGE);
    return 2;
  }
  if (command === "down") {
    await servicesDown({ wipe: flags.includes("--wipe") });
    return 0;
  }
  if (command === "up") await servicesUp();
  const status = servicesStatus();
  if (status.servers.length === 0) console.error("No servers yet: npm run services -- up");
  for (const [name, value] of Object.entries(status.env)) console.log(`${name}=${value}`);
  for (const server of status.servers)
    console.error(`${server.name}: ${server.running ? `running, process ${server.pid}` : "not running"}`);
  return status.servers.length > 0 && status.servers.every((server) => server.running) ? 0 : 3;
});
