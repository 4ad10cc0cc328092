import { until } from "../support/until";
import { onTerminal, type Server, startServer } from "./support";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const ESC = "\u001b";
/** What colours, cursor and nothing else of ours may leave behind. */
const OURS = new RegExp(`${ESC}\\[(\\d+(;\\d+)*)?[mGAJ]`, "g");
const withoutOurs = (text: string) => text.replace(OURS, "").replace(/\r\n/g, "\n");

test("on a terminal a task is drawn as a bar with a line an endpoint, and drawn again until it is done", async () => {
  const door = server.door("draw");
  const shown = onTerminal(["submit", "gate", "--set", `door=${door}`, "--wait"], { env: server.env });
  await until("the bar", () => shown.stdout().includes("50 %"));
  expect(shown.stdout()).toContain("█");
  server.open("draw");
  const { code, stdout } = await shown.ended;
  expect(code).toBe(0);
  expect(stdout).toContain(`${ESC}[0J`);
  const last = withoutOurs(stdout).split("\n").filter(Boolean);
  expect(last.at(-3)).toMatch(/^ENDPOINT +STATUS +ATTEMPT/);
  expect(last.at(-1)).toMatch(/^b +succeeded +1\/1/);
});

test("Ctrl-C on a terminal takes the drawing away and says how to go on", async () => {
  const door = server.door("leave");
  const shown = onTerminal(["submit", "gate", "--set", `door=${door}`, "--wait"], { env: server.env });
  await until("the bar", () => shown.stdout().includes("50 %"));
  shown.child.stdin!.write("\u0003");
  const { code, stdout } = await shown.ended;
  expect(code).toBe(130);
  expect(withoutOurs(stdout)).toMatch(/Watch it again with: tasker status gate\/[0-9a-f-]{36} --watch/);
  server.open("leave");
});

test("a table for people has a head, and none of a stranger's terminal commands", async () => {
  const task = (
    await server.cli(["submit", "hostile", "-i", `${ESC}[31mred\u202e${ESC}]0;t\u0007`, "--wait", "-q"])
  ).stdout.trim();
  for (const args of [
    ["list"],
    ["status", task],
    ["responses", task],
    ["log", task, "-e", "a"],
    ["status", task, "--json"],
  ]) {
    const { stdout, code } = await onTerminal(args, { env: server.env }).ended;
    expect(code).toBe(0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect([args, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.exec(withoutOurs(stdout))?.[0]]).toEqual([
      args,
      undefined,
    ]);
  }
  const { stdout } = await onTerminal(["list"], { env: server.env }).ended;
  expect(withoutOurs(stdout)).toMatch(/^TASK +IDENTIFIER +STATUS/m);
});

test("an error of a stranger is shown without its terminal commands, one line a cell", async () => {
  const shown = onTerminal(["submit", "hostile", "--set", "fail=true", "--wait"], { env: server.env });
  const { code, stdout } = await shown.ended;
  expect(code).toBe(3);
  const text = withoutOurs(stdout);
  expect(text).toContain("error: Error: bad");
  expect(text).not.toContain("\u009b");
  expect(text.split("\n").filter((line) => /^[ab] +failed/.test(line))).toHaveLength(2);
});

test("a pipe gets a log byte for byte, and JSON that says the same as the server", async () => {
  const task = (await server.cli(["submit", "hostile", "-e", "a", "--wait", "-q"])).stdout.trim();
  expect((await server.cli(["log", task])).stdout).toBe(`log ${ESC}[31mred${ESC}[0m ${ESC}]0;title\u0007end\n`);
  const told = await server.json(["status", task]);
  const direct = await (await fetch(`${server.url}/hostile/${task}`)).json();
  expect(told).toEqual(direct);
});

test.each([
  ["NO_COLOR", { NO_COLOR: "1" }, []],
  ["TERM=dumb", { TERM: "dumb" }, []],
  ["--no-color", {}, ["--no-color"]],
])("%s is respected", async (_name, env, args) => {
  const { stdout } = await onTerminal(["types", ...args], { env: { ...server.env, ...env } }).ended;
  expect(stdout).toContain("TYPE");
  expect(stdout).not.toContain(`${ESC}[1m`);
});

test("colours are for terminals, or for who asks for them", async () => {
  expect((await onTerminal(["types"], { env: server.env }).ended).stdout).toContain(`${ESC}[1m`);
  const piped = await server.cli(["endpoints"], { env: { FORCE_COLOR: "1" } });
  expect(piped.stdout).not.toContain(ESC);
});
