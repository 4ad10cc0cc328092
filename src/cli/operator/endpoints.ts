import type { Command } from "commander";
import type { BrokerUser, Endpoint } from "../../client";
import { act, type Session, withServer } from "../session";
import { owed, since } from "../tasks/rows";

export function register(program: Command): void {
  const command = program
    .command("endpoints")
    .description("List the endpoints with what each still owes, or show one with its managers")
    .argument("[name]", "the endpoint");
  act(withServer(command), endpoints);
  const removal = command
    .command("remove")
    .description("Remove an endpoint: nothing is expected of it any more, and what it owes is cancelled")
    .argument("<name>", "the endpoint")
    .option("-n, --dry-run", "only show what would be done");
  act(withServer(removal), remove);
  const renaming = command
    .command("rename")
    .description("Rename an endpoint with what it owes; stop its manager first")
    .argument("<name>", "the endpoint")
    .argument("<new-name>", "its new name");
  act(withServer(renaming), rename);
}

async function remove({ client, out }: Session, name: string, options: { dryRun?: boolean }): Promise<void> {
  const removed = await client.removeEndpoint(name, { dryRun: options.dryRun });
  const { ended, types } = removed;
  out.result({
    json: removed,
    ids: [name],
    columns: ["ENDPOINT", options.dryRun ? "WOULD CANCEL" : "CANCELLED", "RUNNING", "REGISTERED FOR"],
    rows: [[name, owed(ended), ended.running, types.join(",")]],
  });
  if (options.dryRun) return;
  if (removed.alive)
    out.say(
      `A manager of ${name} was alive: its running attempts are stopped, and it performs no more tasks. Stop it.`,
    );
  if (removed.queues === "pending") out.say("Its queues are deleted as soon as the broker takes it.");
  if (removed.broker_user !== null) out.say(userLine(removed.broker_user));
}

async function rename({ client, out }: Session, name: string, to: string): Promise<void> {
  const renamed = await client.renameEndpoint(name, to);
  const columns = ["ENDPOINT", "WAS", "OPEN RESPONSES"];
  out.result({ json: renamed, ids: [to], columns, rows: [[to, name, renamed.moved]] });
  out.say(`Start its manager with \`tasker manager --endpoint ${to}\`; ${name} stays reserved until it is removed.`);
  if (renamed.broker_user !== null) out.say(userLine(renamed.broker_user));
}

function userLine({ name, state, detail }: BrokerUser): string {
  if (state === "deleted") return `The broker's user ${name} is deleted.`;
  if (state === "absent") return `The broker has no user ${name}.`;
  return `The broker's user ${name} may still be there: ${detail}`;
}

async function endpoints({ client, out }: Session, name?: string): Promise<void> {
  if (name !== undefined) {
    const endpoint = await client.endpoint(name);
    return out.result({
      json: endpoint,
      ids: [endpoint.name],
      head: [`${endpoint.name}  ${alive(endpoint)}, owes ${owed(endpoint.open)}, types: ${endpoint.types.join(", ")}`],
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
      { text: alive(endpoint), style: endpoint.alive ? "green" : "red" },
      owed(endpoint.open),
      endpoint.open.running,
      since(endpoint.last_seen_at, out.terminal),
      endpoint.types.join(","),
    ]),
    none: "No endpoint is known yet: start a manager with `tasker manager --endpoint NAME`.",
  });
}

function alive(endpoint: Endpoint): string {
  return endpoint.alive ? "alive" : endpoint.last_seen_at ? "silent" : "never seen";
}
