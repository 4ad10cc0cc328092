import type { Endpoint } from "../../client";
import type { Config } from "../../config/config";
import type * as Broker from "../../initialize/broker";
import type * as Inspect from "../../transport/amqp/administration/inspect";
import type { QueueFinding } from "../../transport/amqp/administration/inspect";
import type * as Manage from "../../transport/amqp/administration/management";

/** Adds a line to the result of `doctor`. */
export type Say = (check: string, state: "ok" | "warning" | "failed", detail: string) => void;

/** Counts of responses that are not final, by type and endpoint (`*`: not taken yet). */
export type OpenWork = ReadonlyArray<{ type: string; endpoint: string; count: number }>;

/** Most findings of one kind that are listed; the rest is counted. */
const MAX_LISTED = 20;

/**
 * Compares the queues of the config's vhost with those that the config declares. `registered`: the
 * endpoints known to the server, `open`: the work known to the database; null where these could not
 * be asked. Without the management API it reports a warning.
 */
export async function queues(
  config: Config,
  registered: readonly Endpoint[] | null,
  open: OpenWork | null,
  say: Say,
): Promise<void> {
  if (config.broker.uri.startsWith("embedded:")) return;
  const { brokerAddress } = require("../../initialize/broker") as typeof Broker;
  const { Management, ManagementError } = require("../../transport/amqp/administration/management") as typeof Manage;
  const { judgeQueues } = require("../../transport/amqp/administration/inspect") as typeof Inspect;
  const { vhost } = brokerAddress(config.broker.uri);
  const notSeen = (why: string) =>
    say("queues", "warning", `the queues of vhost ${vhost} could not be looked at: ${why}`);
  if (!config.rabbitmq) {
    return notSeen(
      "that takes `rabbitmq:` in the config (management_uri, and a user with the tag management and rights in the vhost)",
    );
  }
  const { managementUri, user, password } = config.rabbitmq;
  const found = await new Management({ uri: managementUri, user, password }).queues(vhost).catch((error: unknown) => {
    if (!(error instanceof ManagementError)) throw error;
    return error;
  });
  if (found instanceof Error) return notSeen(found.message);
  if (found === null) return say("queues", "failed", `there is no vhost ${vhost}: run scripts/initialize`);

  const findings = judgeQueues(found, {
    queueType: config.broker.queueType,
    types: Object.values(config.taskTypes).map(({ name, deliver }) => ({ type: name, deliver })),
    open: open ?? [],
    endpoints: registered && [...configured(config), ...registered.map(({ name }) => name)],
  });
  const well = found.length - findings.length;
  say("queues", "ok", `${well} of ${found.length} in vhost ${vhost} are as the config declares them`);
  for (const kind of ["differs", "orphan", "foreign"] as const) {
    const these = findings.filter((finding) => finding.kind === kind);
    for (const finding of these.slice(0, MAX_LISTED)) say("queue", "warning", sentence(finding, vhost));
    if (these.length > MAX_LISTED) say("queue", "warning", `and ${these.length - MAX_LISTED} more of this kind`);
  }
  if (!registered) say("queues", "warning", "which endpoints have registered is not known without the server");
}

function configured(config: Config): string[] {
  return [...config.manager.endpoints, ...Object.values(config.taskTypes).flatMap(({ endpoints }) => endpoints)];
}

function sentence({ kind, queue, detail }: QueueFinding, vhost: string): string {
  const away = `rabbitmqctl delete_queue --vhost ${vhost} ${queue.name}`;
  if (kind === "differs")
    return `${queue.name}: ${detail}. It is used as it is; to have it as declared: ${away} (it is declared again at once, and its tasks are published again)`;
  const holds = `${queue.messages ?? 0} messages, ${queue.consumers ?? 0} consumers`;
  if (kind === "orphan")
    return `${queue.name}: orphaned (${detail}); ${holds}. If it is not needed any more: ${away} (tasks are kept in the database)`;
  return `${queue.name}: ${detail}; ${holds}. A vhost of tasker's own is safer`;
}
