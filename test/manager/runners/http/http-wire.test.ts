import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { silentLog } from "../../../../src/log";
import { httpRunner } from "../../../../src/manager/runners/http/http";
import type { RunResult } from "../../../../src/manager/runners/runner";
import { authority } from "../../../support/certificates";
import { failed, grantFor, Recorder, succeeded } from "../support";

/** Answers as they are met outside, byte for byte: a server of the test's own writes them on the bare socket. */

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What a connection does once the first bytes of its request have come. */
type Script = (socket: Socket, request: string) => void;

class Peer {
  connections = 0;
  requests: string[] = [];
  script: Script = () => {};
  private readonly open = new Set<Socket>();
  readonly server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    this.connections++;
    this.open.add(socket);
    socket.on("close", () => this.open.delete(socket));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.once("data", (chunk) => {
      this.requests.push(String(chunk));
      this.script(socket, String(chunk));
    });
  });
  async listen(): Promise<void> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
  }
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  says(...bytes: Array<string | Buffer>): void {
    this.script = (socket) => void socket.end(Buffer.concat(bytes.map((part) => Buffer.from(part))));
  }
  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}

interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  body?: string;
  body_base64?: string;
  body_unpacked?: boolean;
  body_truncated: boolean;
  url: string;
}

describe("an HTTP call to a target that answers", () => {
  const peer = new Peer();
  beforeAll(() => peer.listen());
  afterAll(() => peer.close());
  beforeEach(() => {
    peer.connections = 0;
    peer.requests = [];
  });

  const call = (
    payload: Record<string, unknown> = {},
    more: { maxBodyBytes?: number; maxResultBytes?: number } = {},
  ): Promise<RunResult> => {
    const runner = httpRunner(
      {
        kind: "http",
        allowHosts: ["127.0.0.1"],
        successStatuses: [],
        maxBodyBytes: more.maxBodyBytes ?? 1024 * 1024,
        maxRedirects: 3,
        timeoutMs: null,
      },
      {
        handlersDir: "/nowhere",
        graceMs: 300,
        maxResultBytes: more.maxResultBytes ?? 4 * 1024 * 1024,
        maxLogBytes: 1000,
        log: silentLog,
      },
    );
    return runner.run(grantFor({ url: `http://127.0.0.1:${peer.port}/`, ...payload }), new Recorder());
  };
  const answer = async (...args: Parameters<typeof call>) => succeeded(await call(...args)) as Answer;
  const post = { method: "POST", body: "pay once" };

  test.each([
    ["with an unasked 100 Continue before it", `${CONTINUE}${OK}\r\nok`],
    ["with several 1xx before it", `${CONTINUE.repeat(3)}HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}\r\nok`],
    ["with a 100 that has headers", `HTTP/1.1 100\r\ncontent-length: 0\r\n\r\n${OK}\r\nok`],
    ["with folded headers", `${OK}x-a: one\r\n two\r\n\tthree\r\n\r\nok`],
    ["with bare line feeds", "HTTP/1.1 200 OK\ncontent-length: 2\n\nok"],
    ["with no reason and no space", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok"],
    ["with a length beside chunks", `${OK}transfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nx-t: 1\r\n\r\n`],
    ["in HTTP/1.0, up to the end of the connection", "HTTP/1.0 200 OK\r\n\r\nok"],
    ["offering an upgrade", `${OK}upgrade: h2c\r\nconnection: upgrade\r\n\r\nok`],
    ["and says more than it announced", `${OK}\r\nok and more`],
    ["twice", `${OK}\r\nok${OK}\r\nno`],
    ["with 100 KB of headers", `${OK}x-a: ${"a".repeat(100_000)}\r\n\r\nok`],
    ["with control characters in a header", `${OK}x-a: a\x01b\r\n\r\nok`],
  ])("%s is answered: a POST is sent once", async (_, bytes) => {
    peer.says(bytes);
    expect(await answer(post)).toMatchObject({ status: 200, body: "ok", body_truncated: false });
    expect(peer.connections).toBe(1);
  });

  test("no header is lost: names in small letters, several of one name as a list, UTF-8 as UTF-8", async () => {
    const lines = [
      "X-City: Zürich",
      "Link: </é>; rel=a",
      "Link: <b>; rel=b, <c>; rel=c",
      "Retry-After: 1",
      "retry-after: 2",
      "__proto__: polluted",
      "Folded: one\r\n two",
    ];
    peer.says(`${OK}${lines.join("\r\n")}\r\nX-Latin: `, Buffer.from([0x5a, 0xfc]), "\r\n\r\nok");
    const { headers } = await answer();
    expect(headers).toMatchObject({
      "x-city": "Zürich",
      link: ["</é>; rel=a", "<b>; rel=b, <c>; rel=c"],
      "retry-after": ["1", "2"],
      folded: "one two",
      "x-latin": "Zü",
    });
    expect(Object.entries(headers)).toContainEqual(["__proto__", "polluted"]);
    peer.says(OK, "x-a: 1\r\n".repeat(3000), "\r\nok");
    expect((await answer()).headers["x-a"]).toHaveLength(3000);
  });

  test.each([
    ["something else than HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\noka", "Content-Length"],
    ["a broken chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nXYZ\r\n", "chunk size"],
    [
      "an upgrade nobody asked for",
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
      "101",
    ],
    ["headers without end", `${OK}x-a: ${"a".repeat(200_000)}`, "overflow"],
  ])("%s is `invalid_answer`: a POST is not attempted again, a GET is", async (_, bytes, says) => {
    peer.says(bytes);
    const posted = failed(await call(post));
    expect(posted).toMatchObject({ reason: "invalid_answer", permanent: true });
    expect(posted.error.toLowerCase()).toContain(says.toLowerCase());
    expect(posted.error).toContain("a POST may have done its work already");
    expect(failed(await call())).toMatchObject({ reason: "invalid_answer", permanent: false });
    expect(failed(await call({ method: "PUT", body: "x" }))).toMatchObject({ permanent: false });
    expect(peer.connections).toBe(3);
  });

  test("a POST whose redirect leads to an answer that is no HTTP is not attempted again either", async () => {
    peer.script = (socket, request) =>
      socket.end(request.startsWith("POST") ? "HTTP/1.1 303 See Other\r\nlocation: /then\r\n\r\n" : "garbage\r\n");
    expect(failed(await call(post))).toMatchObject({ reason: "invalid_answer", permanent: true });
  });

  test.each([
    ["half of its body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "answered 200"],
    [
      "a body without its last chunk",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      "answered 200",
    ],
    ["nothing at all", "", ""],
    ["1xx and no answer", CONTINUE, ""],
  ])("with %s is a connection that broke, and says how far it came", async (_, bytes, says) => {
    peer.says(bytes);
    const result = failed(await call());
    expect(result).toMatchObject({ reason: "connection_failed", permanent: false });
    expect(result.error).toContain(says);
  });

  const REDIRECT = "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n";
  test.each<[string, string, Array<string | Buffer>]>([
    ["raw UTF-8", "/%C3%BCber?q=%C3%A9", ["location: /über?q=é\r\n"]],
    ["raw Latin-1, byte for byte", "/%FCber", ["location: /", Buffer.from([0xfc]), "ber\r\n"]],
    ["escaped text, which stays as it is", "/%C3%BCber%2F", ["location: /%C3%BCber%2F\r\n"]],
    ["both", "/%C3%BC%C3%BC", ["location: /%C3%BCü\r\n"]],
    ["a space", "/a%20b", ["location: /a b\r\n"]],
    ["a place given twice", "/there", ["location: /there\r\n", "Location: /there\r\n"]],
    ["a folded header", "/there", ["location:\r\n /there\r\n"]],
  ])("a redirect to %s asks for %s", async (_, path, location) => {
    peer.script = (socket, request) =>
      socket.end(
        request.startsWith("GET / ")
          ? Buffer.concat([REDIRECT, ...location, "\r\n"].map((part) => Buffer.from(part)))
          : `${OK}\r\nok`,
      );
    expect(await answer()).toMatchObject({ url: `http://127.0.0.1:${peer.port}${path}` });
    expect(peer.requests[1]).toContain(`GET ${path} HTTP/1.1`);
  });

  test("a redirect that names two places leads to neither, and a POST is not attempted again", async () => {
    peer.says(REDIRECT, "location: /a\r\nlocation: /b\r\n\r\n");
    expect(failed(await call())).toMatchObject({ reason: "bad_redirect", permanent: false });
    expect(failed(await call(post))).toMatchObject({ reason: "bad_redirect", permanent: true });
    expect(peer.connections).toBe(2);
  });

  describe("before it has read a large body", () => {
    const large = { method: "POST", body: "x".repeat(20 * 1024 * 1024) };
    const REFUSED = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
    test.each<[string, Script]>([
      ["and reads on", (socket) => void socket.resume().end(REFUSED)],
      ["and never reads, and leaves the connection open", (socket) => void socket.pause().write(REFUSED)],
      ["and closes", (socket) => void socket.pause().write(REFUSED, () => setTimeout(() => socket.destroy(), 50))],
      [
        "and resets",
        (socket) => void socket.pause().write(REFUSED, () => setTimeout(() => socket.resetAndDestroy(), 50)),
      ],
      ["after a 100 Continue", (socket) => void socket.resume().end(CONTINUE + REFUSED)],
    ])("%s: the answer counts", async (_, script) => {
      peer.script = script;
      const result = failed(await call(large));
      expect(result.reason).toBe("http_status");
      expect(result.error).toContain("answered 413. Its answer begins: no");
      expect(peer.connections).toBe(1);
    });
  });

  test("and closes its half first is read to the end, and the connection is ended by us", async () => {
    const ended = new Promise<void>((resolve) => {
      peer.script = (socket) => {
        socket.on("close", resolve);
        socket.end("HTTP/1.1 200 OK\r\n\r\nall of it");
      };
    });
    expect(await answer()).toMatchObject({ body: "all of it" });
    await ended;
  });

  describe("with a packed body, although it was asked for a plain one", () => {
    const text = "Grüße ".repeat(100);
    const packed = (coding: string, body: Buffer, header = "content-encoding") =>
      peer.says(`HTTP/1.1 200 OK\r\n${header}: ${coding}\r\n`, `content-length: ${body.length}\r\n\r\n`, body);

    test.each<[string, Buffer]>([
      ["gzip", gzipSync(text)],
      ["X-GZIP", gzipSync(text)],
      ["deflate", deflateSync(text)],
      ["deflate", deflateRawSync(text)],
      ["br", brotliCompressSync(text)],
      ["gzip, identity, br", brotliCompressSync(gzipSync(text))],
      ["deflate\r\ncontent-encoding: gzip", gzipSync(deflateSync(text))],
    ])("%s is unpacked", async (coding, body) => {
      packed(coding, body);
      expect(await answer()).toMatchObject({ body: text, body_unpacked: true, body_truncated: false });
      expect(peer.requests[0]).toContain("accept-encoding: identity");
    });

    test("one that is packed for the way only is unpacked too", async () => {
      const body = gzipSync(text);
      peer.says(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        `${body.length.toString(16)}\r\n`,
        body,
        "\r\n0\r\n\r\n",
      );
      expect(await answer()).toMatchObject({ body: text, body_unpacked: true });
    });

    test.each([
      ["a coding that nobody knows", "zip", gzipSync(text)],
      ["what is not packed", "gzip", Buffer.from([0xff, 0xfe])],
      ["half of it", "gzip", gzipSync(text).subarray(0, 20)],
      ["more layers than anybody means", "gzip, gzip, gzip, gzip, gzip", gzipSync(text)],
    ])("%s stays as it was received", async (_, coding, body) => {
      packed(coding, body);
      const kept = await answer();
      expect(kept).toMatchObject({ body_base64: body.toString("base64"), body_truncated: false });
      expect(kept).not.toHaveProperty("body_unpacked");
    });

    test("whoever asks for a coding gets it as it was sent", async () => {
      packed("gzip", gzipSync(text));
      const kept = await answer({ headers: { "Accept-Encoding": "gzip" } });
      expect(kept).toMatchObject({ body_base64: gzipSync(text).toString("base64") });
    });

    test("a small body that unpacks into a huge one is cut at the limit", async () => {
      packed("gzip", gzipSync("a".repeat(4 * 1024 * 1024)));
      expect(await answer({}, { maxBodyBytes: 100_000 })).toMatchObject({
        body: "a".repeat(100_000),
        body_truncated: true,
      });
      packed("gzip, gzip", gzipSync(gzipSync("a".repeat(4 * 1024 * 1024))));
      expect(await answer({}, { maxBodyBytes: 1000 })).toMatchObject({ body_truncated: true });
    });

    test("one that is cut at the limit gives what its beginning holds", async () => {
      const noise = Array.from({ length: 2000 }, (_, at) => (at * 7919).toString(36)).join(" ");
      packed("gzip", gzipSync(noise));
      const { body, body_truncated } = await answer({}, { maxBodyBytes: 2000 });
      expect(body_truncated).toBe(true);
      expect(noise.startsWith(body!)).toBe(true);
      expect(body!.length).toBeGreaterThan(500);
    });
  });

  test("with a certificate that cannot be verified is sent nothing", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tasker-http-"));
    const { cert, key } = authority(dir, "nobody").issue("127.0.0.1", "IP:127.0.0.1");
    let received = "";
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        received += chunk;
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const result = failed(await call({ ...post, url: `https://127.0.0.1:${port}/` }));
    expect(result).toMatchObject({ reason: "connection_failed", permanent: false });
    expect(result.error).toContain("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    server.close();
    await once(server, "close");
    expect(received).toBe("");
    rmSync(dir, { recursive: true });
  });

  test("headers that are too large for a result are left out, and that is said", async () => {
    peer.says(OK, `x-a: ${"a".repeat(50_000)}\r\n\r\nok`);
    expect(await answer({}, { maxResultBytes: 4000 })).toMatchObject({
      status: 200,
      headers: {},
      headers_truncated: true,
      body_truncated: true,
    });
  });

  test.each<[string, string[], number | undefined]>([
    ["seconds", ["retry-after: 120"], 120_000],
    [
      "a date by its own clock",
      ["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:51:37 GMT"],
      120_000,
    ],
    [
      "the old form of a date",
      ["date: Sunday, 06-Nov-94 08:49:37 GMT", "retry-after: Sun Nov  6 08:50:37 1994"],
      60_000,
    ],
    ["two, of which the longer counts", ["retry-after: 5", "retry-after: 7"], 7000],
    ["a date that is over", ["retry-after: Sun, 06 Nov 1994 08:49:37 GMT"], 0],
    ["nothing readable", ["retry-after: soon", "retry-after: -5", "retry-after: 1.5", "retry-after: 1e9"], undefined],
    ["nothing", [], undefined],
  ])("503 and asks to be left alone by %s", async (_, lines, ms) => {
    peer.says("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n", ...lines.map((line) => `${line}\r\n`), "\r\n");
    expect(failed(await call()).retryAfterMs).toBe(ms);
  });
});
