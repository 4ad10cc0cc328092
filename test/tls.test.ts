import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFrom } from "../src/config/loading/load";
import { connectStore, connectTransport } from "../src/connect";
import { silentLog } from "../src/log";
import { startProcess } from "../src/tasker";
import { authority } from "./support/certificates";
import { type PrivateBroker, type PrivateServer, privateBroker, privateDatabase } from "./support/services";

/** Own servers with certificates of an own authority for 127.0.0.1 only: by any other name they are somebody else. */
let dir: string;
let broker: PrivateBroker;
let database: PrivateServer;
let right: string;
let wrong: string;
let client: { cert: string; key: string };

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tasker-tls-"));
  const own = authority(dir, "own");
  right = own.ca;
  wrong = authority(dir, "other").ca;
  client = own.issue("client");
  const tls = { ca: own.ca, ...own.issue("server", "IP:127.0.0.1") };
  broker = privateBroker(join(dir, "broker"), tls);
  database = privateDatabase(join(dir, "database"), tls);
  await Promise.all([broker.start(), database.start()]);
}, 480_000);

afterAll(async () => {
  await Promise.all([broker?.kill(), database?.kill()]);
  rmSync(dir, { recursive: true, force: true });
}, 300_000);

type Tls = { ca?: string; cert?: string; key?: string; verify?: boolean };

const addresses = (host: string) => {
  const named = (uri: string) => uri.replace("127.0.0.1", host);
  return { database: `${named(database.uri)}tasker`, broker: `${named(broker.uri)}/tasker` };
};

function configOf(host: string, tls: Tls | undefined) {
  const uris = addresses(host);
  return configFrom({
    task_types: { noop: { isolation: "inline" } },
    database: { uri: uris.database, deadline: "5s", ...(tls && { tls }) },
    broker: { uri: uris.broker, queue_type: "classic", ...(tls && { tls }) },
    api: { port: 0 },
    manager: { spool: join(dir, "spool") },
  });
}

/** What comes of a connection to each: "ok", or the error's sentence. */
async function tried(host: string, tls?: Tls): Promise<{ database: string; broker: string }> {
  const config = configOf(host, tls);
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => "ok",
      (error: Error) => error.message,
    );
  const store = await connectStore(config, silentLog, { exclusive: false });
  const transport = connectTransport(config, silentLog, "tls");
  const found = { database: await outcome(store.ping(5000)), broker: await outcome(transport.open(2000)) };
  await Promise.all([store.close(), transport.close(1000)]);
  return found;
}

test("a task passes over TLS to both, verified by our own authority", async () => {
  const config = configOf("127.0.0.1", { ca: right });
  const functions = { noop: async () => ({ done: true }) };
  const running = await startProcess({ config, log: silentLog, api: true, endpoints: ["lb-1"], functions });
  try {
    await running.ready;
    const answer = await fetch(`${running.api!.url}/noop`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ identifier: "over-tls" }),
    });
    const { id } = (await answer.json()) as { id: string };
    const settled = await (await fetch(`${running.api!.url}/noop/${id}?wait=20`)).json();
    expect(settled).toMatchObject({ status: "succeeded" });
    expect(broker.ctl("list_connections", "ssl").trim().split("\n")).not.toContain("false");
  } finally {
    await running.close();
  }
}, 300_000);

test("a client's certificate is sent along where one is given", async () => {
  expect(await tried("127.0.0.1", { ca: right, ...client })).toEqual({ database: "ok", broker: "ok" });
});

test("a certificate of an authority that is not ours is refused", async () => {
  const { database: store, broker: transport } = await tried("127.0.0.1", { ca: wrong });
  expect(store).toMatch(/certificate|self.signed/i);
  expect(transport).toMatch(/certificate|self.signed/i);
}, 300_000);

test("without a file of ours the machine's authorities count, and they do not know this one", async () => {
  const { database: store, broker: transport } = await tried("127.0.0.1", {});
  expect(store).toMatch(/certificate/i);
  expect(transport).toMatch(/certificate/i);
}, 300_000);

test("a right certificate under another name is refused", async () => {
  const { database: store, broker: transport } = await tried("localhost", { ca: right });
  expect(store).toMatch(/localhost.*(altnames|does not match)|(altnames|does not match).*localhost/i);
  expect(transport).toMatch(/localhost.*(altnames|does not match)|(altnames|does not match).*localhost/i);
}, 300_000);

test("with verify: false it is encrypted and not checked", async () => {
  expect(await tried("localhost", { ca: wrong, verify: false })).toEqual({ database: "ok", broker: "ok" });
});

test("the words of MySQL's clients in the URI mean the same", async () => {
  const ping = async (mode: string) => {
    const uri = `${addresses("127.0.0.1").database}?ssl-mode=${mode}`;
    const config = configFrom({ task_types: { noop: {} }, database: { uri } });
    const store = await connectStore(config, silentLog, { exclusive: false });
    const outcome = await store.ping(5000).then(
      () => "ok",
      (error: Error) => error.message,
    );
    await store.close();
    return outcome;
  };
  expect(await ping("required")).toBe("ok");
  expect(await ping("verify_ca")).toMatch(/certificate/i);
  expect(await ping("verify_identity")).toMatch(/certificate/i);
  await expect(ping("perhaps")).rejects.toThrow("ssl-mode=perhaps");
}, 300_000);

test("a file that is not there is named when it is needed", async () => {
  const config = configOf("127.0.0.1", { ca: join(dir, "nothing.pem") });
  await expect(connectStore(config, silentLog, { exclusive: false })).rejects.toThrow("nothing.pem");
  expect(() => connectTransport(config, silentLog, "tls")).toThrow("nothing.pem");
});
