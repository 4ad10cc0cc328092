import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLog } from "../../src/log";
import { Management } from "../../src/transport/amqp/administration/management";
import { API_PERMISSIONS, managerPermissions } from "../../src/transport/amqp/administration/permissions";
import { createAmqpTransport } from "../../src/transport/amqp/transport";
import type { Transport } from "../../src/transport/transport";
import { lookInto } from "../support/broker";
import { capturingLog } from "../support/log";
import { brokerServer, managementServer } from "../support/services";
import { until } from "../support/until";
import { at, outgoing, Receiver } from "./contract";

const unique = randomBytes(4).toString("hex");
const management = () => new Management({ uri: managementServer() });

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("the management API's client", () => {
  const vhost = `tasker-management/${unique}`;
  const user = `tasker-user-${unique}`;

  afterAll(async () => {
    await management().deleteVhost(vhost);
    await management().deleteUser(user);
  });

  it("makes and unmakes vhosts, users and permissions, each as often as one likes", async () => {
    const api = management();
    await api.ready(10_000);
    expect(await api.vhostExists(vhost)).toBe(false);
    for (let twice = 0; twice < 2; twice++) {
      await api.createVhost(vhost);
      await api.setUser(user, `secret-${twice}`);
      await api.setPermissions(vhost, user, { configure: "^a$", write: "", read: ".*" });
    }
    expect(await api.vhostExists(vhost)).toBe(true);
    expect(await api.userExists(user)).toBe(true);
    expect(await api.permissions(vhost, user)).toMatchObject({ configure: "^a$", write: "", read: ".*" });
    for (let twice = 0; twice < 2; twice++) {
      await api.deletePermissions(vhost, user);
      await api.deleteUser(user);
      await api.deleteVhost(vhost);
    }
    expect(await api.permissions(vhost, user)).toBeNull();
    expect(await api.userExists(user)).toBe(false);
    expect(await api.vhostExists(vhost)).toBe(false);
  });

  it("says in words what is wrong, and never the password", async () => {
    const port = new URL(managementServer()).port;
    const wrong = new Management({ uri: `http://nobody:hidden-secret@127.0.0.1:${port}` });
    const freePort = await unusedPort();
    const nowhere = new Management({ uri: `http://u:hidden-secret@127.0.0.1:${freePort}` });
    const failures = await Promise.all(
      [wrong.ready(2_000), nowhere.ready(300), nowhere.createVhost("v")].map((call) =>
        call.then(
          () => "no failure",
          (error: Error) => error.message,
        ),
      ),
    );
    expect(failures[0]).toMatch(/refused the administrator's user name or password/);
    expect(failures[1]).toMatch(/does not answer.*ECONNREFUSED/);
    expect(failures[2]).toMatch(/creating vhost v/);
    expect(failures.join()).not.toContain("hidden-secret");
  });

  it("does not wait for ever for a server that accepts and says nothing", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const api = new Management({ uri: `http://u:p@127.0.0.1:${port}`, deadlineMs: 300 });
    await expect(api.vhostExists("v")).rejects.toMatchObject({ status: 0 });
    silent.closeAllConnections();
    silent.close();
  });
});

describe("with the least rights", () => {
  const vhost = `tasker-rights-${unique}`;
  const users = { api: `api-${unique}`, any: `any-${unique}`, one: `one-${unique}` };
  const transports: Transport[] = [];
  const TYPES = [
    { type: "db.backup", deliver: "each" },
    { type: "any-one", deliver: "one" },
  ] as const;

  const uriOf = (user: string): string => {
    const uri = new URL(brokerServer());
    uri.username = user;
    uri.password = "pw";
    uri.pathname = `/${vhost}`;
    return uri.href;
  };
  /** `finds`: as a manager does; one of before declares and binds what it consumes. */
  const opened = async (user: string, finds = false): Promise<Transport> => {
    const transport = createAmqpTransport({
      uri: uriOf(user),
      queueType: "quorum",
      heartbeat: 10,
      tls: null,
      log: silentLog,
      name: user,
      consumesOnly: finds,
    });
    transports.push(transport);
    await transport.open(10_000);
    return transport;
  };
  /** Tries one thing on a plain channel; the broker's reply code, or 0 when it was allowed. */
  const attempt = async (
    user: string,
    request: (channel: Awaited<ReturnType<typeof lookInto>>["channel"]) => unknown,
  ) => {
    const view = await lookInto(uriOf(user));
    let code = 0;
    view.channel.on("error", (error: Error & { code?: number }) => {
      code = error.code ?? -1;
    });
    try {
      await request(view.channel);
      await view.channel.checkExchange("amq.direct");
    } catch (error) {
      code = (error as { code?: number }).code ?? code;
    }
    await view.close();
    return code;
  };

  beforeAll(async () => {
    const api = management();
    await api.createVhost(vhost);
    for (const user of Object.values(users)) await api.setUser(user, "pw");
    await api.setPermissions(vhost, users.api, API_PERMISSIONS);
    await api.setPermissions(vhost, users.any, managerPermissions(null, TYPES, false));
    await api.setPermissions(vhost, users.one, managerPermissions("lb.1", TYPES, true));
  });
  afterAll(async () => {
    for (const transport of transports) await transport.close(2_000);
    await management().deleteVhost(vhost);
    for (const user of Object.values(users)) await management().deleteUser(user);
  });

  it.each([
    ["managers", true],
    ["managers of the version before", false],
  ])(
    "API and %s do all their work",
    async (_who, finds) => {
      const api = await opened(users.api);
      await api.declareEndpoint("db.backup", "lb.1");
      await api.declareType({ type: "db.backup", deliver: "each" });
      await api.declareType({ type: "any-one", deliver: "one" });
      for (const user of [users.any, users.one]) {
        const manager = await opened(user, finds);
        await manager.declareType({ type: "db.backup", deliver: "each" });
        await manager.declareType({ type: "any-one", deliver: "one" });
        await manager.declareEndpoint("db.backup", "lb.1");
        const own = new Receiver();
        const shared = new Receiver(true);
        const consuming = [
          await manager.consume({ address: at("db.backup", "lb.1"), prefetch: 5, onDelivery: own.onDelivery }),
          await manager.consume({
            address: { to: "one", type: "any-one" },
            prefetch: 5,
            onDelivery: shared.onDelivery,
          }),
        ];
        await api.publish(outgoing(at("db.backup", "lb.1"), "direct"));
        await api.publish(outgoing({ to: "all", type: "db.backup" }, "all"));
        await api.publish(outgoing({ to: "one", type: "any-one" }, "one"));
        await own.count(2);
        await shared.count(1);
        own.deliveries[0]!.ack();
        own.deliveries[1]!.park("not understood");
        await until("the message to be parked", () => manager.health().parked === 1);
        for (const one of consuming) await one.stop();
      }
    },
    300_000,
  );

  it("a manager waits for a queue that is not there, and consumes it when the API has made and bound it", async () => {
    expect(await attempt(users.api, (channel) => channel.deleteQueue("tasker.db~backup.lb.1"))).toBe(0);
    const manager = await opened(users.one, true);
    await expect(manager.declareEndpoint("db.backup", "lb.1")).rejects.toMatchObject({ reason: "refused" });
    const api = await opened(users.api);
    await api.declareEndpoint("db.backup", "lb.1");
    await manager.declareEndpoint("db.backup", "lb.1");
    const own = new Receiver(true);
    await manager.consume({ address: at("db.backup", "lb.1"), prefetch: 5, onDelivery: own.onDelivery });
    await api.publish(outgoing({ to: "all", type: "db.backup" }, "all"));
    await own.count(1);
  }, 300_000);

  it("a manager asks for no declaration of what is there, however it was declared", async () => {
    const { log, warnings } = capturingLog();
    const view = await lookInto(uriOf(users.api));
    await view.channel.assertQueue("tasker.db~backup.lb.9", { arguments: { "x-queue-type": "classic" } });
    await view.close();
    const transport = createAmqpTransport({
      ...{
        uri: uriOf(users.api),
        queueType: "quorum",
        heartbeat: 10,
        tls: null,
        log,
        name: "finds",
        consumesOnly: true,
      },
    });
    transports.push(transport);
    await transport.open(10_000);
    await transport.declareEndpoint("db.backup", "lb.9");
    expect(warnings()).toEqual([]);
  });

  it("a manager declares nothing, binds nothing, and reads nothing of a type that it does not serve", async () => {
    const api = await opened(users.api);
    await api.declareType({ type: "secret", deliver: "each" });
    await api.declareType({ type: "secret-one", deliver: "one" });
    await api.declareEndpoint("secret", "lb.1");
    await api.declareEndpoint("db.backup", "lb.1");
    const queue = "tasker.db~backup.lb.1";
    for (const user of [users.any, users.one]) {
      const tried = (request: Parameters<typeof attempt>[1]) => attempt(user, request);
      expect(await tried((channel) => channel.assertQueue("tasker.secret.lb.1"))).toBe(403);
      expect(await tried((channel) => channel.assertQueue("tasker.other.lb.1"))).toBe(403);
      expect(await tried((channel) => channel.assertQueue(queue))).toBe(403);
      expect(await tried((channel) => channel.assertQueue("", { exclusive: true }))).toBe(403);
      expect(await tried((channel) => channel.assertExchange("tasker.other", "fanout"))).toBe(403);
      expect(await tried((channel) => channel.assertExchange("tasker.other.lb.1", "fanout"))).toBe(403);
      expect(await tried((channel) => channel.bindQueue(queue, "tasker.secret", "*"))).toBe(403);
      expect(await tried((channel) => channel.bindQueue(queue, "tasker.db~backup", "lb.2"))).toBe(403);
      expect(await tried((channel) => channel.unbindQueue(queue, "tasker.db~backup", "*"))).toBe(403);
      expect(await tried((channel) => channel.bindExchange("tasker.dead", "tasker.secret", "*"))).toBe(403);
      expect(await tried((channel) => channel.bindQueue("tasker.dead", "tasker.secret", "*"))).toBe(403);
      expect(await tried((channel) => channel.deleteQueue(queue))).toBe(403);
      expect(await tried((channel) => channel.get("tasker.secret-one"))).toBe(403);
      expect(await tried((channel) => channel.get("tasker.any-one"))).toBe(0);
      expect(await tried((channel) => channel.get(queue))).toBe(0);
    }
    expect(await attempt(users.one, (channel) => channel.get("tasker.secret.lb.1"))).toBe(403);
  });

  it("a manager publishes to no type and no queue, and reads no other endpoint's queue nor the parked ones", async () => {
    const api = await opened(users.api);
    await api.declareType({ type: "db.backup", deliver: "each" });
    await api.declareEndpoint("db.backup", "lb.1");
    await api.declareEndpoint("db.backup", "lb.2");
    const foreign = Buffer.from("{}");
    for (const user of [users.any, users.one]) {
      expect(await attempt(user, (channel) => channel.publish("tasker.db~backup", "*", foreign))).toBe(403);
      expect(await attempt(user, (channel) => channel.sendToQueue("tasker.db~backup.lb.2", foreign))).toBe(403);
      expect(await attempt(user, (channel) => channel.get("tasker.dead"))).toBe(403);
      expect(await attempt(user, (channel) => channel.deleteExchange("tasker.db~backup"))).toBe(403);
    }
    const { one } = users;
    expect(await attempt(one, (channel) => channel.get("tasker.db~backup.lb.2"))).toBe(403);
    expect(await attempt(one, (channel) => channel.deleteQueue("tasker.db~backup.lb.2"))).toBe(403);
    expect(await attempt(one, (channel) => channel.assertQueue("tasker.db~backup.lbx1"))).toBe(403);
    expect(await attempt(one, (channel) => channel.get("tasker.db~backup.lb.1"))).toBe(0);
    expect(await attempt(users.api, (channel) => channel.get("tasker.db~backup.lb.1"))).toBe(403);
  });
});
