import type { Config } from "../config/config";
import { Management, ManagementError } from "../transport/amqp/management";
import { InitializeError, NOT_ALLOWED, type Part, type Step, UNREACHABLE } from "./step";

const EVERYTHING = { configure: ".*", write: ".*", read: ".*" };

/** The vhost, the user of broker.uri and its rights there, through RabbitMQ's management API. */
export function brokerPart(config: Config, reset: boolean): Part {
  if (config.broker.uri.startsWith("embedded:"))
    return { targets: [["broker", "embedded, nothing to prepare"]], steps: [] };
  if (!config.rabbitmq) {
    throw new InitializeError(
      "The config has no `rabbitmq:` (management_uri, user, password): initialize needs RabbitMQ's administrator to make the vhost.",
      9,
    );
  }
  const { vhost, user, password, place } = brokerAddress(config.broker.uri);
  if (reset && vhost === "/") {
    throw new InitializeError(
      "broker.uri means the vhost /, which everybody on that broker shares: it is not reset. Give tasker a vhost of its own, amqp://…/tasker.",
      NOT_ALLOWED,
    );
  }
  const admin = config.rabbitmq;
  const api = new Management({ uri: admin.managementUri, user: admin.user, password: admin.password });
  const steps: Step[] = [];
  const step = (title: string, run: () => Promise<string>, destroys = false) =>
    steps.push({ title, destroys, run: () => explain(run) });

  // The administrator's own name and password are not tasker's to change.
  const ownUser = user !== admin.user;
  if (reset) {
    step(`delete the vhost ${vhost} with all its queues`, () => removeVhost(api, vhost), true);
    if (ownUser) step(`delete the broker's user ${user}`, () => removeUser(api, user), true);
  }
  step(`create the vhost ${vhost}`, async () => {
    if (await api.vhostExists(vhost)) return "was there already";
    await api.createVhost(vhost);
    return "created";
  });
  if (ownUser) {
    step(`create the broker's user ${user}`, async () => {
      if (await api.userExists(user)) return "was there already, left as it is";
      await api.setUser(user, password);
      return "created";
    });
  }
  step(`let ${user} do everything in the vhost ${vhost}`, async () => {
    await api.setPermissions(vhost, user, EVERYTHING);
    return "set";
  });
  return {
    targets: [
      ["broker", `${place}, vhost ${vhost}, user ${user}`],
      ["through", `${api.where} as ${admin.user}`],
    ],
    steps,
  };
}

async function removeVhost(api: Management, vhost: string): Promise<string> {
  if (!(await api.vhostExists(vhost))) return "was not there";
  await api.deleteVhost(vhost);
  return "deleted";
}

async function removeUser(api: Management, user: string): Promise<string> {
  if (!(await api.userExists(user))) return "was not there";
  await api.deleteUser(user);
  return "deleted";
}

/** What an AMQP URI means; what it leaves out is RabbitMQ's default. */
export function brokerAddress(uri: string): { vhost: string; user: string; password: string; place: string } {
  const { hostname, port, pathname, protocol, username, password } = new URL(uri);
  return {
    vhost: pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : "/",
    user: decodeURIComponent(username) || "guest",
    password: decodeURIComponent(password) || "guest",
    place: `${hostname}:${port || (protocol === "amqps:" ? 5671 : 5672)}`,
  };
}

async function explain(run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ManagementError)) throw error;
    throw new InitializeError(error.message, error.status === 0 ? UNREACHABLE : NOT_ALLOWED);
  }
}
