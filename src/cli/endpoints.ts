import type { Command } from "commander";
import type { Endpoint } from "../client";
import type { Cell } from "./output";
import { act, type Session, withServer } from "./session";
import { span } from "./text";

export function register(program: Command): void {
  const command = program
    .command("endpoints")
    .description("The endpoints: who is alive, and what each still owes; or one with its managers")
    .argument("[name]", "the endpoint");
  act(withServer(command), endpoints);
}

async function endpoints({ client, out }: Session, name?: string): Promise<void> {
  if (name !== undefined) {
    const endpoint = await client.endpoint(name);
    return out.result({
      json: endpoint,
      ids: [endpoint.name],
      head: [`${endpoint.name}  ${alive(endpoint)}, owes ${owes(endpoint)}, types: ${endpoint.types.join(", ")}`],
      columns: ["MANAGER", "STATE", "HOST", "PID", "VERSION", "RUNNING", "HEARTBEAT"],
      rows: endpoint.managers.map((m) => [m.id, m.state, m.host, m.pid, m.version, m.running, m.heartbeat_at]),
      none: `${endpoint.name} has never had a manager: start one with \`tasker manager --endpoint ${endpoint.name}\`.`,
    });
  }
  const all = await client.endpoints();
  out.result({
    json: { items: all },
    ids: all.map((endpoint) => endpoint.name),
    columns: ["ENDPOINT", "ALIVE", "OWES", "RUNNING", "LAST SEEN", "TYPES"],
    rows: all.map((endpoint) => [
      endpoint.name,
      aliveCell(endpoint),
      owes(endpoint),
      endpoint.open.running,
      seen(endpoint, out.terminal),
      endpoint.types.join(","),
    ]),
    none: "No endpoint is known yet: start a manager with `tasker manager --endpoint NAME`.",
  });
}

/** Answers that are still to come from it. */
function owes({ open }: Endpoint): number {
  return open.expected + open.received + open.running + open.retrying;
}

function alive(endpoint: Endpoint): string {
  return endpoint.alive ? "alive" : endpoint.last_seen_at ? "silent" : "never seen";
}

function aliveCell(endpoint: Endpoint): Cell {
  return { text: alive(endpoint), style: endpoint.alive ? "green" : "red" };
}

function seen({ last_seen_at: at }: Endpoint, terminal: boolean): string {
  if (!at) return "";
  return terminal ? `${span(Date.now() - Date.parse(at))} ago` : at;
}
