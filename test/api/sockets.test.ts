import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { newId } from "../../src/model/ids";
import { until } from "../support/until";
import { rawRequest, startTestApi, type TestApi } from "./support";

let t: TestApi;
beforeAll(async () => {
  t = await startTestApi(
    {},
    { limits: { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 100 } },
  );
});
afterAll(() => t?.stop());

const HEAD = "POST /app-update HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";

describe("clients that take their time (S9)", () => {
  test("over the head are cut off", async () => {
    expect(await rawRequest(t.api.port, "POST /app-update HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow")).toMatch(
      /^HTTP\/1\.1 408 /,
    );
  });

  test("over the body are cut off, and nothing is stored", async () => {
    const identifier = newId();
    await rawRequest(t.api.port, `${HEAD}Content-Length: 500\r\n\r\n`, `{"identifier":"${identifier}"`);
    expect((await t.call("GET", `/tasks?identifier=${identifier}`)).body.items).toEqual([]);
  });

  test("and say nothing at all are cut off, while others are answered", async () => {
    const idle: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 500; i++) {
      const socket = connect(t.api.port, "127.0.0.1");
      socket
        .on("error", () => {})
        .on("close", () => closed++)
        .resume();
      idle.push(socket);
    }
    expect((await t.call("GET", "/livez")).status).toBe(200);
    await until("all of them to be closed", () => closed === idle.length);
  });
});

describe("what is no decent request", () => {
  test.each([
    ["NONSENSE\r\n\r\n", "400"],
    ["GET / HTTP/1.1\r\n\r\n", "400"],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431"],
    [`${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, "400"],
  ])("is answered and closed: %j", async (text, status) => {
    expect((await rawRequest(t.api.port, text)).slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect((await t.call("GET", "/livez")).status).toBe(200);
  });
});

test("pipelined requests are answered in order", async () => {
  const get = (path: string, last = false) =>
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
  const answer = await rawRequest(t.api.port, get("/livez") + get("/nope") + get("/readyz", true));
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
});

test("a connection is kept after a refusal with a small body", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number>();
  for (let i = 0; i < 3; i++) {
    await new Promise<void>((resolve, reject) => {
      const call = request(`${t.api.url}/nope`, { method: "POST", agent }, (answer) => {
        ports.add(answer.socket.localPort!);
        answer.resume().once("end", resolve);
      });
      call.on("error", reject).end("{}");
    });
  }
  expect(ports.size).toBe(1);
  agent.destroy();
});

describe("a base path", () => {
  test("stands in every address, and is taken with and without it", async () => {
    const other = await startTestApi({ basePath: "/tasker/" });
    try {
      expect(other.api.url).toMatch(/\/tasker$/);
      const answer = await other.call("POST", "/app-update", { identifier: "a" });
      expect(answer.headers.get("location")).toBe(`/tasker/app-update/${answer.body.id}`);
      expect((await other.call("GET", "/nope")).body.type).toBe("/tasker/docs/problems#unknown_task_type");
      const origin = other.api.url.replace("/tasker", "");
      expect((await fetch(`${origin}/app-update/${answer.body.id}`)).status).toBe(200);
      expect((await fetch(`${origin}/taskerx/tasks`)).status).toBe(404);
    } finally {
      await other.stop();
    }
  });
});

describe("a drain", () => {
  test("answers what is under way, ends waits early, and takes nothing new", async () => {
    const other = await startTestApi();
    const task = await other.create("app-update", { endpoints: ["db1"] });
    const agent = new Agent({ keepAlive: true });
    const waiting = new Promise<{ status: number; connection: string | undefined }>((resolve, reject) => {
      const call = request(`${other.api.url}/app-update/${task.id}?wait=50`, { agent }, (answer) => {
        answer
          .resume()
          .once("end", () => resolve({ status: answer.statusCode!, connection: answer.headers.connection }));
      });
      call.on("error", reject).end();
    });
    const half = connect(other.api.port, "127.0.0.1");
    const body = `{"identifier":"${newId()}"}`;
    let received = "";
    half.setEncoding("utf8").on("data", (text: string) => {
      received += text;
    });
    half.write(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
    // Both are under way once a later request has been answered.
    await until("both to be under way", async () => (await other.call("GET", "/livez")).status === 200);
    const drained = other.api.drain(20_000);
    expect(await waiting).toEqual({ status: 200, connection: "close" });
    half.write(body.slice(5));
    await until("the half request to be answered", () => received.includes("HTTP/1.1 202"));
    await drained;
    await expect(fetch(`${other.api.url}/livez`)).rejects.toThrow();
    await other.stop();
  });

  test("turns readyz to 503 for who is still connected", async () => {
    const other = await startTestApi();
    const socket = connect(other.api.port, "127.0.0.1");
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      received += text;
    });
    socket.write("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-");
    await until("the connection", async () => (await other.call("GET", "/livez")).status === 200);
    const drained = other.api.drain(20_000);
    socket.write("Rest: 1\r\n\r\n");
    await until("the answer", () => received.includes("503"));
    expect(received).toContain('"status":"draining"');
    await drained;
    await other.stop();
  });

  test("cuts what is left at the deadline", async () => {
    const other = await startTestApi();
    const closed = rawRequest(other.api.port, `${HEAD}Content-Length: 500\r\n\r\n{`);
    await until("the connection", async () => (await other.call("GET", "/livez")).status === 200);
    await other.api.drain(50);
    expect(await closed).toBe("");
    await other.stop();
  });
});
