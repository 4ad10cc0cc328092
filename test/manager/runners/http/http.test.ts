import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import net, { type AddressInfo, type LookupFunction } from "node:net";
import type { PerformerConfig } from "../../../../src/config/config";
import { silentLog } from "../../../../src/log";
import { HostGuard } from "../../../../src/manager/runners/http/guard";
import { httpRunner } from "../../../../src/manager/runners/http/http";
import { guardedConnect, HostRefused } from "../../../../src/manager/runners/http/http-connect";
import type { RunResult } from "../../../../src/manager/runners/runner";
import { failed, grantFor, Recorder, succeeded } from "../support";

type HttpConfig = Extract<PerformerConfig, { kind: "http" }>;
interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  body?: string;
  body_base64?: string;
  body_truncated: boolean;
  url: string;
  redirects: number;
}

/** A real target; `/echo` answers with what it was sent, everything else as its handler in the test says. */
class Target {
  readonly seen: Array<{ url: string; method: string; headers: IncomingMessage["headers"]; body: string }> = [];
  readonly server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      this.seen.push({ url: request.url!, method: request.method!, headers: request.headers, body });
      this.answer(request, response);
    });
  });
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end("ok");
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }
  /** Resolves when the server holds no connection any more: the runner has left nothing open. */
  async quiet(): Promise<void> {
    for (;;) {
      const open = await new Promise<number>((resolve) => this.server.getConnections((_, count) => resolve(count)));
      if (open === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

describe("an HTTP call", () => {
  const target = new Target();
  const other = new Target();
  const closing: Array<() => Promise<void>> = [];
  beforeAll(() => Promise.all([target.listen(), other.listen()]));
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()));
    for (const { server } of [target, other]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  beforeEach(() => {
    for (const each of [target, other]) {
      each.seen.length = 0;
      each.answer = (_, response) => response.end("ok");
    }
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await Promise.all([target.quiet(), other.quiet()]);
  });

  const runnerOf = (
    more: Partial<HttpConfig> = {},
    options: { maxResultBytes?: number; lookup?: LookupFunction } = {},
  ) => {
    const runner = httpRunner(
      {
        kind: "http",
        allowHosts: [`127.0.0.1:${target.port}`, `127.0.0.1:${other.port}`],
        successStatuses: [],
        maxBodyBytes: 1024 * 1024,
        maxRedirects: 3,
        timeoutMs: null,
        ...more,
      },
      {
        handlersDir: "/nowhere",
        graceMs: 300,
        maxResultBytes: options.maxResultBytes ?? 4 * 1024 * 1024,
        maxLogBytes: 1000,
        log: silentLog,
      },
      options.lookup,
    );
    closing.push(() => runner.close());
    return runner;
  };
  const url = (path = "/", on = target) => `http://127.0.0.1:${on.port}${path}`;
  const call = (payload: unknown, runner = runnerOf(), work = {}) =>
    runner.run(grantFor(payload, work), new Recorder());
  const answerOf = (result: RunResult) => JSON.parse((result as { result: string }).result) as Answer;

  test("is a GET by default, and its answer is the result", async () => {
    target.answer = (_, response) =>
      response.writeHead(200, { "x-thing": "a", "set-cookie": ["a=1", "b=2"] }).end("héllo");
    const result = await call({ url: url("/path?q=1") }, runnerOf(), { traceparent: "00-aa-bb-01" });
    expect(succeeded(result)).toMatchObject({
      status: 200,
      body: "héllo",
      body_truncated: false,
      url: url("/path?q=1"),
      redirects: 0,
      headers: { "x-thing": "a", "set-cookie": ["a=1", "b=2"] },
    });
    expect(target.seen).toMatchObject([{ method: "GET", url: "/path?q=1", body: "" }]);
    expect(target.seen[0]!.headers).toMatchObject({
      traceparent: "00-aa-bb-01",
      "idempotency-key": `${grantFor({}).taskId}:here`,
    });
  });

  test("takes any method, headers, and a body of text or JSON", async () => {
    await call({
      url: url(),
      method: "put",
      headers: { "X-Mine": "1", Authorization: "Bearer x" },
      body: { a: ["é"] },
    });
    await call({ url: url(), method: "PURGE", headers: { "content-type": "text/csv" }, body: "a,b" });
    expect(target.seen).toMatchObject([
      {
        method: "PUT",
        headers: { "x-mine": "1", authorization: "Bearer x", "content-type": "application/json" },
        body: '{"a":["é"]}',
      },
      { method: "PURGE", headers: { "content-type": "text/csv" }, body: "a,b" },
    ]);
  });

  test("sends numbers in headers and in a body as they were sent", async () => {
    const body = '{"id":9007199254740993,"list":[1.10,1e400,123456789012345678901]}';
    const payload = `{"url":"${url()}","method":"POST","headers":{"x-id":9007199254740993,"x-price":1.10},"body":${body}}`;
    await runnerOf().run(grantFor({}, { payload }), new Recorder());
    await runnerOf().run(grantFor({}, { payload: `{"url":"${url()}","method":"POST","body":1e23}` }), new Recorder());
    expect(target.seen).toMatchObject([
      { headers: { "x-id": "9007199254740993", "x-price": "1.10", "content-type": "application/json" }, body },
      { body: "1e23" },
    ]);
    const wrong = `{"url":"${url()}","headers":1.10}`;
    expect(failed(await runnerOf().run(grantFor({}, { payload: wrong }), new Recorder())).reason).toBe(
      "invalid_payload",
    );
  });

  test("a status that is no success is a failure that is attempted again, its answer kept", async () => {
    for (const status of [404, 500]) {
      target.answer = (_, response) => response.writeHead(status).end("not today");
      const result = failed(await call({ url: url("/x?secret=1") }));
      expect(result).toMatchObject({ reason: "http_status", permanent: false });
      expect(result.error).toBe(`GET ${url("/x")} answered ${status}. Its answer begins: not today`);
      expect(answerOf(result)).toMatchObject({ status, body: "not today" });
    }
    expect(await call({ url: url() }, runnerOf({ successStatuses: [500] }))).toMatchObject({ kind: "succeeded" });
  });

  test("an answer of bytes is kept as base64, also if it claims to be packed and is not", async () => {
    target.answer = (_, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.from([31, 139, 255]));
    expect(answerOf(await call({ url: url() }))).toMatchObject({ body_base64: "H4v/" });
    expect(target.seen[0]!.headers["accept-encoding"]).toBe("identity");
  });

  test("an endless answer is cut at the limit and its connection closed", async () => {
    target.answer = (_, response) => {
      const pump = () => {
        while (!response.destroyed && response.write("é".repeat(10_000)));
        if (!response.destroyed) response.once("drain", pump);
      };
      pump();
    };
    const answer = answerOf(await call({ url: url() }, runnerOf({ maxBodyBytes: 1001 })));
    expect(answer).toMatchObject({ status: 200, body: "é".repeat(500), body_truncated: true });
  });

  test("the result stays within its limit, the body gives way", async () => {
    target.answer = (_, response) => response.end("\u0001".repeat(3000));
    const result = (await call({ url: url() }, runnerOf({}, { maxResultBytes: 4000 }))) as { result: string };
    expect(result.result.length).toBeLessThanOrEqual(4000);
    expect(JSON.parse(result.result)).toMatchObject({ body_truncated: true });
  });

  test.each([
    ["never answers", () => {}],
    [
      "sends a byte now and then",
      (_: IncomingMessage, response: ServerResponse) => {
        const timer = setInterval(() => response.write("x"), 20);
        response.on("close", () => clearInterval(timer));
      },
    ],
  ])("a target that %s is given up at the timeout", async (_, answer) => {
    target.answer = answer;
    expect(failed(await call({ url: url() }, runnerOf(), { timeoutMs: 300 }))).toMatchObject({
      reason: "timeout",
      permanent: false,
    });
    expect(failed(await call({ url: url() }, runnerOf({ timeoutMs: 200 })))).toMatchObject({ reason: "timeout" });
  });

  test("a connection that breaks or is refused is a failure that is attempted again", async () => {
    target.answer = (request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("half");
      setImmediate(() => request.socket.resetAndDestroy());
    };
    expect(failed(await call({ url: url() }))).toMatchObject({ reason: "connection_failed", permanent: false });
    const closed = new Target();
    await closed.listen();
    const gone = url("/", closed);
    await new Promise((resolve) => closed.server.close(resolve));
    const result = failed(await call({ url: gone }, runnerOf({ allowHosts: ["127.0.0.1"] })));
    expect(result.reason).toBe("connection_failed");
    expect(result.error).toContain("ECONNREFUSED");
  });

  test("a cancelled call is ended at once", async () => {
    const hooks = new Recorder();
    target.answer = () => hooks.stop.notify("cancel");
    expect(await runnerOf().run(grantFor({ url: url() }), hooks)).toEqual({ kind: "stopped", killed: false });
  });

  test("redirects are followed up to the limit, with the method that each asks for", async () => {
    target.answer = (request, response) => {
      const [, status, to] = /^\/(\d+)\/(.*)$/.exec(request.url!) ?? [];
      if (status) response.writeHead(Number(status), { location: `/${to}` }).end();
      else response.end("arrived");
    };
    const body = { method: "POST", body: "data" };
    expect(answerOf(await call({ url: url("/302/307/end"), ...body }))).toMatchObject({
      body: "arrived",
      url: url("/end"),
      redirects: 2,
    });
    expect(target.seen.map(({ method, body }) => [method, body])).toEqual([
      ["POST", "data"],
      ["GET", ""],
      ["GET", ""],
    ]);
    target.seen.length = 0;
    await call({ url: url("/308/end"), ...body });
    expect(target.seen.map(({ method, body }) => [method, body])).toEqual([
      ["POST", "data"],
      ["POST", "data"],
    ]);
    target.answer = (_, response) => response.writeHead(302, { location: "/again" }).end();
    target.seen.length = 0;
    expect(failed(await call({ url: url() }))).toMatchObject({ reason: "too_many_redirects", permanent: false });
    expect(target.seen).toHaveLength(4);
    expect(failed(await call({ url: url() }, runnerOf({ maxRedirects: 0 })))).toMatchObject({ reason: "http_status" });
  });

  test("credentials do not follow a redirect to another host", async () => {
    target.answer = (request, response) => {
      if (request.url === "/") response.writeHead(307, { location: "/same" }).end();
      else response.writeHead(307, { location: url("/elsewhere", other) }).end();
    };
    const secret = { Authorization: "Bearer x", Cookie: "a=1", "X-Api-Key": "x", Accept: "text/plain" };
    expect(await call({ url: url(), headers: secret })).toMatchObject({ kind: "succeeded" });
    expect(target.seen[1]!.headers).toMatchObject({ authorization: "Bearer x", cookie: "a=1", "x-api-key": "x" });
    const { headers } = other.seen[0]!;
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["authorization"]));
    expect([headers.authorization, headers.cookie, headers["x-api-key"], headers.accept]).toEqual([
      undefined,
      undefined,
      undefined,
      "text/plain",
    ]);
  });

  test.each([
    [{}, "url"],
    [{ url: "/relative" }, "absolute"],
    [{ url: "http://user:pass@127.0.0.1/" }, "password"],
    [{ url: "URL", header: {} }, '"header"'],
    [{ url: "URL", method: "GET /x HTTP/1.1\r\nX: y" }, "method"],
    [{ url: "URL", method: "CONNECT" }, "CONNECT"],
    [{ url: "URL", headers: { "X-A": "a\r\nX-B: b" } }, "one line"],
    [{ url: "URL", headers: { "X A": "a" } }, "not a header"],
    [{ url: "URL", headers: { Host: "internal" } }, "Host"],
    [{ url: "URL", headers: { "Transfer-Encoding": "chunked" } }, "Transfer-Encoding"],
    [{ url: "URL", headers: { a: "1", A: "2" } }, "twice"],
    [{ url: "URL", headers: ["a"] }, "headers"],
  ])(
    "a payload that asks for no proper call is refused for good: %j",
    async (payload: Record<string, unknown>, says) => {
      const result = failed(await call(payload.url === "URL" ? { ...payload, url: url() } : payload));
      expect(result).toMatchObject({ reason: "invalid_payload", permanent: true });
      expect(result.error).toContain(says);
      expect(target.seen).toEqual([]);
    },
  );

  describe("to an address that must not be reached", () => {
    /** The socket layer under watch: every attempt is recorded, and none but those to the two targets is ever made. */
    const watchSockets = (): string[] => {
      const attempts: string[] = [];
      const connect = net.Socket.prototype.connect;
      jest.spyOn(net.Socket.prototype, "connect").mockImplementation(function (this: net.Socket, ...args: unknown[]) {
        const options = (Array.isArray(args[0]) ? args[0][0] : args[0]) as {
          host?: string;
          port?: number;
          lookup?: LookupFunction;
        };
        const own = options.host === "127.0.0.1" && [target.port, other.port].includes(Number(options.port));
        if (own) return connect.apply(this, args as never);
        // A name reaches the socket layer before it is looked up: ask its lookup as Node would, and stop there.
        const arrived = (address: string) => {
          attempts.push(address);
          this.destroy(new Error(`the test has stopped a connection to ${address}`));
        };
        if (net.isIP(options.host ?? "") !== 0 || !options.lookup) arrived(options.host ?? "?");
        else {
          options.lookup(options.host!, { all: true }, (error, found) => {
            if (error) this.destroy(error);
            else for (const { address } of found as unknown as Array<{ address: string }>) arrived(address);
          });
        }
        return this;
      });
      return attempts;
    };
    /** Names of the test, looked up nowhere else. */
    const names =
      (table: Record<string, string[]>): LookupFunction =>
      (host, _options, callback) => {
        const found = table[host] ?? [];
        if (found.length === 0) callback(new Error(`no such name ${host}`), "", 0);
        else callback(null, found.map((address) => ({ address, family: net.isIP(address) })) as never);
      };

    test.each([
      "http://127.0.0.1:1/",
      "http://[::1]/",
      "http://[::ffff:7f00:1]/",
      "http://0x7f000001/",
      "http://2130706433/",
      "http://127.1/",
      "http://169.254.169.254/latest/meta-data/",
      "http://localhost./",
      "http://LOCALHOST/",
      "http://unlisted.example/",
      "file:///etc/passwd",
      "gopher://127.0.0.1/",
    ])("%s is refused before a socket is touched", async (address) => {
      const attempts = watchSockets();
      const lookup = names({ localhost: ["127.0.0.1"], "localhost.": ["127.0.0.1"] });
      const result = failed(
        await call({ url: address }, runnerOf({ allowHosts: ["app.internal", "10.0.0.7:8080"] }, { lookup })),
      );
      expect(result).toMatchObject({ reason: "host_refused", permanent: true });
      expect(attempts).toEqual([]);
    });

    test.each([
      ["127.0.0.1"],
      ["::1"],
      ["::ffff:7f00:1"],
      ["169.254.169.254"],
      ["0.0.0.0"],
      ["10.0.0.7"],
      ["64:ff9b::a9fe:a9fe"],
    ])("a listed name that leads to %s is refused at the moment of connecting", async (address) => {
      const attempts = watchSockets();
      for (const found of [[address], ["93.184.216.34", address]]) {
        const runner = runnerOf({ allowHosts: ["api.example.com"] }, { lookup: names({ "api.example.com": found }) });
        const result = failed(await call({ url: "http://api.example.com/" }, runner));
        expect(result).toMatchObject({ reason: "host_refused", permanent: true });
        expect(result.error).toContain(address);
      }
      expect(attempts).toEqual([]);
    });

    test("a name that changes between two lookups is refused at the second", async () => {
      const attempts = watchSockets();
      let lookups = 0;
      const lookup: LookupFunction = (host, options, callback) =>
        names({ [host]: [lookups++ === 0 ? "93.184.216.34" : "127.0.0.1"] })(host, options, callback);
      const runner = runnerOf({ allowHosts: ["api.example.com"] }, { lookup });
      expect(failed(await call({ url: "http://api.example.com/" }, runner)).reason).toBe("connection_failed");
      expect(failed(await call({ url: "http://api.example.com/" }, runner)).reason).toBe("host_refused");
      expect(attempts).toEqual(["93.184.216.34"]);
    });

    test.each([
      "http://169.254.169.254/",
      "http://127.0.0.1:1/",
      "//localhost:1/",
      "http://[::ffff:127.0.0.1]:1/",
      "file:///etc/passwd",
      "http://rebinding.example/",
    ])("a redirect to %s is refused", async (location) => {
      const attempts = watchSockets();
      target.answer = (_, response) => response.writeHead(302, { location }).end();
      const runner = runnerOf(
        { allowHosts: [`127.0.0.1:${target.port}`, "rebinding.example"] },
        { lookup: names({ "rebinding.example": ["127.0.0.1"], localhost: ["127.0.0.1"] }) },
      );
      expect(failed(await call({ url: url() }, runner))).toMatchObject({ reason: "host_refused", permanent: true });
      expect(target.seen).toHaveLength(1);
      expect(attempts).toEqual([]);
    });

    test("the connection itself is guarded, even if nobody has asked about the URL", async () => {
      const attempts = watchSockets();
      const connect = guardedConnect(new HostGuard(["app.internal"]), names({ "app.internal": ["127.0.0.1"] }));
      for (const address of ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "169.254.169.254", "10.0.0.7"]) {
        for (const scheme of ["http", "https"])
          expect(() => connect(new URL(`${scheme}://${address}/`))).toThrow(HostRefused);
      }
      const [error] = await once(connect(new URL("http://app.internal/")), "error").catch((thrown) => [thrown]);
      expect(error).toBeInstanceOf(HostRefused);
      expect(attempts).toEqual([]);
    });

    test("what is allowed does reach the socket layer, so that the watch above is one", async () => {
      const attempts = watchSockets();
      const lookup = names({ "app.internal": ["10.0.0.7"] });
      await call({ url: "http://app.internal/" }, runnerOf({ allowHosts: ["app.internal"] }, { lookup }));
      await call({ url: "http://10.0.0.7:8080/" }, runnerOf({ allowHosts: ["10.0.0.7:8080"] }));
      expect(attempts).toEqual(["10.0.0.7", "10.0.0.7"]);
    });
  });
});
