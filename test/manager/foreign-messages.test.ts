import { randomBytes } from "node:crypto";
import type { Options } from "amqplib";
import { newId } from "../../src/model/ids";
import { encodeMessage } from "../../src/model/message";
import { managerPermissions } from "../../src/transport/amqp/administration/permissions";
import { type BrokerView, lookInto } from "../support/broker";
import { management } from "../support/services";
import { until } from "../support/until";
import { type Body, type TestSystem, world } from "../support/world";

/** What a manager makes of messages that tasker's API did not write (S10) or did not write now (S11). */
let w: TestSystem;
let view: BrokerView;
const ran: Array<{ type: string; endpoint: string; taskId: string; payload: unknown }> = [];

beforeAll(async () => {
  w = await world("wire", {
    types: { work: { isolation: "inline" }, other: { isolation: "inline" } },
    functions: Object.fromEntries(
      ["work", "other"].map((type) => [
        type,
        async (payload, context) => {
          ran.push({ type: context.type, endpoint: context.endpoint, taskId: context.taskId, payload });
          return { by: context.endpoint };
        },
      ]),
    ),
  });
  await w.manager("lb-1");
  await w.manager("lb-2");
  view = await lookInto(w.brokerUri);
}, 300_000);
afterAll(async () => {
  await view?.close();
  await w?.close();
}, 300_000);

const send = (content: Buffer, options: Options.Publish = {}, queue = "tasker.work.lb-1") =>
  view.channel.sendToQueue(queue, content, options);

const wake = (type: string, id: string, payload: string | null = "{}") =>
  Buffer.from(encodeMessage(type, [{ ...forged, id, payload }]));
const forged = {
  ...{ job: null, priority: 0, identifier: "forged", traceparent: null },
  ...{ version: 1, attempt: 0, attempts: 1, generation: 1, timeoutMs: 1000 },
};

/** Everything sent before has been looked at: a real task sent after it has been performed. */
async function afterwards(): Promise<Body> {
  const task = await w.submit("work", { identifier: newId() });
  const settled = await w.settled(task);
  expect(settled.status).toBe("succeeded");
  return settled;
}

async function parked(): Promise<{ reason: string; queue: string; content: Buffer }> {
  const message = await until(
    "a message to be parked",
    async () => (await view.channel.get("tasker.dead", { noAck: true })) || null,
  );
  const headers = message.properties.headers ?? {};
  return {
    reason: String(headers["x-tasker-reason"]),
    queue: String(headers["x-tasker-queue"]),
    content: message.content,
  };
}

const queueDepth = async () => (await view.channel.checkQueue("tasker.work.lb-1")).messageCount;

describe("what cannot be understood is parked with its reason, acked, and harms nobody (S10)", () => {
  const task = newId();
  test.each([
    ["an empty body", Buffer.alloc(0), /^empty/],
    ["blanks", Buffer.from(" \n\t"), /^empty/],
    ["no JSON", Buffer.from("work, please"), /^not_json/],
    ["half a JSON", wake("work", task).subarray(0, 20), /^not_json/],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), /UTF-8/],
    ["UTF-16", Buffer.from(wake("work", task).toString(), "utf16le"), /not_json|UTF-8/],
    ["a byte order mark", Buffer.concat([Buffer.from("\ufeff"), wake("work", task)]), /^not_json/],
    ["a list", Buffer.from("[]"), /^invalid/],
    ["null", Buffer.from("null"), /^invalid/],
    ["another version", Buffer.from(wake("work", task).toString().replace('"v":1', '"v":2')), /^unknown_version/],
    ["no version", Buffer.from("{}"), /^unknown_version/],
    ["no task", Buffer.from('{"v":1,"type":"work","tasks":[]}'), /^invalid/],
    ["an id that is none", wake("work", "../../x"), /^invalid/],
    ["SQL for an id", wake("work", "' OR 1=1 --"), /^invalid/],
    ["a type that is no name", wake("../work", task), /^invalid/],
    ["a type that names a prototype", wake("__proto__", task), /^invalid/],
  ])("%s", async (_what, content, reason) => {
    send(content);
    const found = await parked();
    expect(found.reason).toMatch(reason);
    expect(found.queue).toBe("tasker.work.lb-1");
    expect(found.content.equals(content)).toBe(true);
    expect(await queueDepth()).toBe(0);
  });

  test("headers of a megabyte are no reason to fall over", async () => {
    const before = ran.length;
    const headers = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`x-${at}`, "h".repeat(4000)]));
    send(Buffer.from("large heads"), { headers });
    expect((await parked()).reason).toMatch(/^not_json/);
    // Larger than a frame of the broker: whoever sends it loses its connection, and nobody else anything.
    const own = await lookInto(w.brokerUri);
    const sent = async () => {
      own.channel.sendToQueue("tasker.work.lb-1", Buffer.from("{}"), { headers: { large: "x".repeat(1024 * 1024) } });
      await own.channel.checkQueue("tasker.work.lb-1");
    };
    await expect(sent()).rejects.toThrow();
    await own.close();
    await afterwards();
    expect(ran.length).toBe(before + 2);
  });
});

describe("a message that lies runs nothing and overwrites nothing (S11)", () => {
  test.each([
    ["a task that does not exist", () => wake("work", newId())],
    ["a task of another type", async () => wake("work", (await finished("other")).id)],
  ])("%s is acked and forgotten", async (_what, message) => {
    const content = await message();
    const before = ran.length;
    send(content);
    const marker = await afterwards();
    expect(ran.slice(before).map((run) => run.taskId)).toEqual([marker.id, marker.id]);
    expect(await queueDepth()).toBe(0);
  });

  test("a task that expects another endpoint only is not performed here", async () => {
    const task = await w.submit("work", { identifier: newId(), endpoints: ["nobody-yet"] });
    send(wake("work", task.id));
    await afterwards();
    expect(ran.filter((run) => run.taskId === task.id)).toEqual([]);
    expect((await w.get(`/work/${task.id}`)).body.responses).toMatchObject([{ endpoint: "nobody-yet" }]);
  });

  test("an open task of another type is not performed by this type's handler", async () => {
    const due = new Date(Date.now() + 1000).toISOString();
    const task = await w.submit("other", { identifier: newId(), endpoints: ["lb-1"], delay_until: due });
    const before = ran.length;
    const [refused] = await w.api.store.managers.claim(
      (await w.api.store.tasks.endpoint("lb-1"))!.managers[0]!.id,
      "lb-1",
      [{ taskId: task.id, job: "", type: "work" }],
    );
    expect(refused).toMatchObject({ granted: false, why: "unknown" });
    send(wake("work", task.id));
    await w.settled(task);
    expect(ran.slice(before)).toMatchObject([{ endpoint: "lb-1", taskId: task.id }]);
    expect(ran.at(-1)!.type).toBe("other");
  });

  test("an old message replayed changes nothing of what is final", async () => {
    const task = await finished("work");
    const times = ran.filter((run) => run.taskId === task.id).length;
    for (let replay = 0; replay < 3; replay++) send(wake("work", task.id, '{"other":"payload"}'));
    send(wake("work", task.id), {}, "tasker.work.lb-2");
    await afterwards();
    expect(ran.filter((run) => run.taskId === task.id)).toHaveLength(times);
    expect((await w.get(`/work/${task.id}`)).text).toBe(JSON.stringify(task));
  });

  test("the payload is the store's, whatever the message says", async () => {
    const soon = new Date(Date.now() + 1500).toISOString();
    const task = await w.submit("work", {
      identifier: newId(),
      payload: { real: true },
      endpoints: ["lb-1"],
      delay_until: soon,
    });
    // Before its time nothing runs; in its time a forged message can only bring forward what is due anyway.
    send(wake("work", task.id, '{"forged":true}'));
    const settled = await w.settled(task);
    expect(settled).toMatchObject({ status: "succeeded", responses: [{ attempt: 1 }] });
    expect(ran.filter((run) => run.taskId === task.id)).toEqual([
      { type: "work", endpoint: "lb-1", taskId: task.id, payload: { real: true } },
    ]);
    expect(Date.parse(settled.started_at)).toBeGreaterThanOrEqual(Date.parse(soon));
  });

  test.each([
    ["under no seal its payload is not believed", async () => null],
    ["under a seal of its own neither", async () => "0".repeat(64)],
    ["under our seal, which takes the key in the store, it is", () => w.api.store.tasks.messageKey()],
  ])("%s: a message about a task that waits", async (how, keyOf) => {
    const [id, key] = [newId(), await keyOf()];
    const row = { attempts: 3, timeoutMs: 10_000, priority: 0, traceparent: null, identifier: id };
    await w.api.store.tasks.create([
      {
        ...{ ...row, id, type: "work", bodyHash: "0".repeat(64), payload: '{"real":true}', deliver: "each" },
        ...{ endpoints: ["lb-1"], jobs: [""], waitMs: 60_000, expiresMs: null, delayUntil: null, runKey: null },
        createdBy: null,
      },
    ]);
    const told = { ...row, id, job: null, payload: '{"told":true}', version: 1, attempt: 0, generation: 1 };
    send(Buffer.from(encodeMessage("work", [told], key)));
    await w.settled({ type: "work", id });
    const payload = how.startsWith("under our") ? { told: true } : { real: true };
    expect(ran.filter((run) => run.taskId === id)).toMatchObject([{ endpoint: "lb-1", payload }]);
  });

  test("a manager's broker user cannot send one to its neighbour at all", async () => {
    const vhost = new URL(w.brokerUri).pathname.slice(1);
    const user = `forger-${randomBytes(4).toString("hex")}`;
    await management("PUT", `users/${user}`, { password: "pw", tags: "" });
    await management("PUT", `permissions/${vhost}/${user}`, managerPermissions("lb-2", [], false));
    const uri = new URL(w.brokerUri);
    uri.username = user;
    uri.password = "pw";
    const forger = await lookInto(uri.href);
    try {
      for (const [exchange, key] of [
        ["", "tasker.work.lb-1"],
        ["tasker.work", "lb-1"],
        ["tasker.work", "*"],
      ] as const) {
        const channel = await forger.renew();
        const refused = new Promise<Error & { code?: number }>((resolve) => channel.once("error", resolve));
        channel.publish(exchange, key, wake("work", newId()));
        expect((await refused).code).toBe(403);
      }
    } finally {
      await forger.close();
      await management("DELETE", `users/${user}`);
    }
  });
});

async function finished(type: string): Promise<Body> {
  return w.settled(await w.submit(type, { identifier: newId() }));
}
