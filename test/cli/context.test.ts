import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tasker } from "./support";

let home: string;
let seen: IncomingMessage[];
let url: string;
const server = createServer((req, res) => {
  seen.push(req);
  res.setHeader("content-type", "application/json");
  res.end('{"items":[],"next":null}');
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tasker-xdg-"));
  seen = [];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
afterAll(() => new Promise((resolve) => server.close(resolve)));

const run = (args: string[], env: Record<string, string> = {}) =>
  tasker(args, { env: { XDG_CONFIG_HOME: home, ...env } });
const keysSent = () => seen.map((req) => req.headers.authorization);

test("a context names a server and where its key is, and is used from then on", async () => {
  expect((await run(["context", "set", "prod", "--server", `${url}/api`, "--key-env", "PROD_KEY"])).code).toBe(0);
  const file = join(home, "tasker/config.yaml");
  expect(readFileSync(file, "utf8")).toContain("PROD_KEY");
  expect(statSync(file).mode & 0o077).toBe(0);
  expect((await run(["list"], { PROD_KEY: "secret-1" })).code).toBe(0);
  expect(seen[0]!.url).toMatch(/^\/api\/tasks/);
  expect(keysSent()).toEqual(["Bearer secret-1"]);
  const unset = await run(["list"]);
  expect(unset.code).toBe(9);
  expect(unset.stderr).toContain("PROD_KEY is not set");
});

test("contexts are listed, chosen and forgotten", async () => {
  await run(["context", "set", "one", "--server", "http://one.example"]);
  writeFileSync(join(home, "key"), "secret-2\n");
  await run(["context", "set", "two", "--server", url, "--key-file", join(home, "key")]);
  expect((await run(["context", "list", "-q"])).stdout).toBe("one\ntwo\n");
  expect((await run(["context", "use", "two"])).code).toBe(0);
  expect((await run(["context", "list"])).stdout).toContain("*\ttwo");
  await run(["list"]);
  expect(keysSent()).toEqual(["Bearer secret-2"]);
  expect((await run(["context", "use", "three"])).code).toBe(7);
  await run(["context", "remove", "two"]);
  expect((await run(["context", "list", "-q"])).stdout).toBe("one\n");
});

test("a context's key never goes to another address", async () => {
  await run(["context", "set", "prod", "--server", "http://prod.example", "--key-env", "PROD_KEY"]);
  const env = { PROD_KEY: "secret-3" };
  await run(["list", "--url", url], env);
  await run(["list"], { ...env, TASKER_URL: url });
  expect(keysSent()).toEqual([undefined, undefined]);
  await run(["list"], { ...env, TASKER_URL: url, TASKER_API_KEY: "given" });
  expect(keysSent().at(-1)).toBe("Bearer given");
});

test("a file that cannot be understood is said to be so, with its faults", async () => {
  await run(["context", "set", "x", "--server", url]);
  writeFileSync(join(home, "tasker/config.yaml"), "contexts: { x: { uri: http://x } }\n");
  const { code, stderr } = await run(["list"]);
  expect(code).toBe(9);
  expect(stderr).toContain("contexts.x.url: is missing");
  expect(stderr).toContain("contexts.x.uri: is not known");
});

test("a key itself is not taken where its name belongs", async () => {
  const { code } = await run(["context", "set", "x", "--server", url, "--key-env", "tsk_1-secret"]);
  expect(code).toBe(2);
});
