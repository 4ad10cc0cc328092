import type { Config } from "../config/config";
import { Management, ManagementError, type Permissions } from "../transport/amqp/administration/management";
import { API_PERMISSIONS, managerPermissions } from "../transport/amqp/administration/permissions";
import type { TypeTopology } from "../transport/transport";
import { InitializeError, type Part, type Step } from "./step";
import { newPassword, type Role, roleTitle, type Secrets, userName, type Wanted, withUser } from "./users";

const EVERYTHING = { configure: ".*", write: ".*", read: ".*" };

/**
 * The steps for the vhost, the user of broker.uri and its permissions, through RabbitMQ's
 * management API. With `wanted` separate users for API and managers replace the one with all
 * permissions.
 */
export function brokerPart(config: Config, reset: boolean, wanted: Wanted | null, secrets: Secrets): Part {
  if (config.broker.uri.startsWith("embedded:"))
    return { targets: [["broker", "embedded, nothing to prepare"]], steps: [] };
  if (!config.rabbitmq) {
    throw new InitializeError(
      "config",
      "The config has no `rabbitmq:` (management_uri, user, password): initialize needs RabbitMQ's administrator to make the vhost.",
    );
  }
  const { vhost, user, password, place } = brokerAddress(config.broker.uri);
  if (reset && vhost === "/") {
    throw new InitializeError(
      "not allowed",
      "broker.uri means the vhost /, which everybody on that broker shares: it is not reset. Give tasker a vhost of its own, amqp://…/tasker.",
    );
  }
  const admin = config.rabbitmq;
  const api = new Management({ uri: admin.managementUri, user: admin.user, password: admin.password });
  const steps: Step[] = [];
  const step = (title: string, run: () => Promise<string>, destroys = false) =>
    steps.push({ title, destroys, run: () => explain(run) });

  // The administrator's own user is never changed.
  const ownUser = user !== admin.user;
  if (reset) {
    step(
      `delete the vhost ${vhost} with all its queues`,
      () => removed(api.vhostExists(vhost), () => api.deleteVhost(vhost)),
      true,
    );
    if (ownUser) {
      const work = () => removed(api.userExists(user), () => api.deleteUser(user));
      step(`delete the broker's user ${user}`, work, true);
    }
  }
  step(`create the vhost ${vhost}`, async () => {
    if (await api.vhostExists(vhost)) return "was there already";
    await api.createVhost(vhost);
    return "created";
  });
  const targets: Part["targets"] = [
    ["broker", `${place}, vhost ${vhost}${wanted ? "" : `, user ${user}`}`],
    ["through", `${api.where} as ${admin.user}`],
  ];
  if (wanted) {
    const types = Object.values(config.taskTypes).map(({ name, deliver }) => ({ type: name, deliver }));
    for (const role of wanted.roles) {
      const name = userName(vhost, role);
      const limited = { uri: config.broker.uri, vhost, name, role, newPasswords: wanted.newPasswords, types };
      step(`create the broker's user ${name} with the rights of ${roleTitle(role)}`, () =>
        limitedUser(api, limited, secrets),
      );
    }
    return { targets, steps };
  }
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
  return { targets, steps };
}

interface LimitedUser {
  uri: string;
  vhost: string;
  name: string;
  role: Role;
  newPasswords: boolean;
  types: readonly TypeTopology[];
}

async function limitedUser(api: Management, user: LimitedUser, secrets: Secrets): Promise<string> {
  const { uri, vhost, name, role } = user;
  const existed = await api.userExists(name);
  const gets = !existed || user.newPasswords;
  if (gets) {
    const password = newPassword();
    await api.setUser(name, password);
    secrets.add(role, "TASKER_BROKER_URI", withUser(uri, name, password));
  }
  const rights = role.part === "api" ? API_PERMISSIONS : rightsOf(role, user.types);
  await api.setPermissions(vhost, name, rights);
  return existed ? (gets ? "has a new password" : "was there already, its password stays") : "created";
}

function rightsOf(role: Exclude<Role, { part: "api" }>, types: readonly TypeTopology[]): Permissions {
  const served = types.filter(({ type }) => role.types?.includes(type) ?? true);
  return managerPermissions("endpoint" in role ? role.endpoint : null, served, role.types !== undefined);
}

/**
 * Deletes the broker's user that belongs to this endpoint alone (`--endpoint NAME`). Null: the
 * broker has no users. Never rejects.
 */
export async function removeEndpointUser(
  config: Config,
  endpoint: string,
): Promise<{ name: string; state: "deleted" | "absent" | "kept"; why?: string } | null> {
  if (config.broker.uri.startsWith("embedded:")) return null;
  const name = userName(brokerAddress(config.broker.uri).vhost, { part: "manager", endpoint });
  const byHand = `delete it with \`rabbitmqctl delete_user ${name}\` if there is one`;
  if (!config.rabbitmq)
    return { name, state: "kept", why: `the API's config names no administrator (\`rabbitmq:\`): ${byHand}` };
  const { managementUri, user, password } = config.rabbitmq;
  const api = new Management({ uri: managementUri, user, password });
  try {
    if (!(await api.userExists(name))) return { name, state: "absent" };
    await api.deleteUser(name);
    return { name, state: "deleted" };
  } catch (error) {
    return { name, state: "kept", why: `${(error as Error).message} ${byHand}` };
  }
}

async function removed(exists: Promise<boolean>, remove: () => Promise<unknown>): Promise<string> {
  if (!(await exists)) return "was not there";
  await remove();
  return "deleted";
}

/** The parts of an AMQP URI, with RabbitMQ's defaults. */
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
    throw new InitializeError(error.status === 0 ? "unreachable" : "not allowed", error.message);
  }
}
