import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Server, startServer, tasker } from "./support";

/** Numbers and texts on their way through the command line, to the server and back. */

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const NUMBERS = ["9007199254740993", "123456789012345678901", "1.10", "1e23", "1e400"];
const PAYLOAD = `{"list":[${NUMBERS.join(",")}],"text":"é \\u2028 1.10"}`;
/** As people see it: without the spaces of --json. */
const dense = (text: string) => text.replace(/\s+/g, "");

test.each([
  ["-p", ["-p", PAYLOAD], undefined],
  ["standard input", ["-p", "-"], PAYLOAD],
  ["a file", ["-p", "@numbers.json"], undefined],
  ["--set", ["--set", `list=[${NUMBERS.join(",")}]`, "--set", 'text="é \\u2028 1.10"'], undefined],
])("numbers given by %s are stored, listed and shown as they were written", async (_, args, input) => {
  writeFileSync(join(server.folder, "numbers.json"), PAYLOAD);
  const submitted = await server.cli(["submit", "echo", "-e", "a", "--json", ...args], { input });
  expect(submitted).toMatchObject({ code: 0, stderr: "" });
  expect(dense(submitted.stdout)).toContain(`"list":[${NUMBERS.join(",")}]`);
  const { id } = JSON.parse(submitted.stdout);
  const stored = await (await fetch(`${server.url}/echo/${id}`)).text();
  expect(stored).toContain(`"list":[${NUMBERS.join(",")}]`);
  expect(JSON.parse(stored).payload.text).toBe("é \u2028 1.10");
  for (const command of [["status", `echo/${id}`], ["list"], ["responses", `echo/${id}`, "-e", "a"]]) {
    const { stdout, code } = await server.cli([...command, "--json"]);
    expect(code).toBe(0);
    if (command[0] !== "responses") expect(dense(stdout)).toContain(`"list":[${NUMBERS.join(",")}]`);
  }
});

test.each(NUMBERS)("%s goes into a command's argument and comes back as its result", async (number) => {
  const done = await server.cli(["submit", "printing", "-e", "a", "--set", `n=${number}`, "--wait", "--json"]);
  expect(dense(done.stdout)).toContain(`"result":${number},`);
  const id = `printing/${JSON.parse(done.stdout).id}`;
  expect((await server.cli(["status", id])).stdout).toContain(`\t${number}\n`);
  const ran = await server.cli(["run", "printing", "--set", `n=${number}`, "--json"], { env: { TASKER_URL: "" } });
  expect(dense(ran.stdout)).toContain(`"result":${number},`);
  expect((await server.cli(["run", "printing", "-p", `{"n":${number}}`])).stdout).toContain(`result\t${number}\n`);
});

test.each([
  ["a byte order mark", Buffer.from("\ufeff{}"), "begins with a byte order mark (U+FEFF)"],
  ["UTF-16", Buffer.from("\ufeff{}", "utf16le"), "begins with the byte order mark of UTF-16"],
  ["Latin-1", Buffer.from('{"name":"é"}', "latin1"), "is not valid UTF-8: the byte 0xe9 at offset 9"],
  ["half a character", Buffer.from('{"a":"é').subarray(0, 7), "is not valid UTF-8: the byte 0xc3 at offset 6"],
])("a payload in %s is refused with a sentence that can be read", async (_, input, sentence) => {
  const { code, stderr } = await server.cli(["submit", "echo", "-p", "-"], { input });
  expect(code).toBe(2);
  expect(stderr).toContain(`error: The payload from standard input ${sentence}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  expect(stderr).not.toMatch(/[\ufeff\ufffd\u0000]/);
});

test("a character U+FFFD that was really written is taken", async () => {
  const { code, stdout } = await server.cli(["submit", "echo", "-p", '{"text":"\ufffd"}', "--json"]);
  expect([code, JSON.parse(stdout).payload.text]).toEqual([0, "\ufffd"]);
});

test("an argument that is not UTF-8 is refused, wherever it stands", async () => {
  // Node hands arguments on as UTF-8; a shell hands on the bytes.
  const script = `exec "$0" "$1" submit echo -i "$(printf 'caf\\351')" --json`;
  const main = require.resolve("../../dist/src/cli/main.js");
  const { spawnSync } = await import("node:child_process");
  const ended = spawnSync("sh", ["-c", script, process.execPath, main], { env: server.env, encoding: "utf8" });
  expect(ended.status).toBe(2);
  expect(ended.stderr).toContain('error: The argument "caf\ufffd" is not valid UTF-8');
});

test("what is not JSON is told by its place", async () => {
  const { code, stderr } = await tasker(["submit", "echo", "-p", '{"a": 1,\n "b": tru}']);
  expect(code).toBe(2);
  expect(stderr).toContain("The payload is not JSON: it cannot be read at line 2, column 7 (position 15)");
  expect((await tasker(["submit", "echo", "-p", "\ufeff{}"])).stderr).toContain("a byte order mark (U+FEFF)");
});
