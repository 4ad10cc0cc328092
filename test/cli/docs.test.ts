import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { EXIT, EXIT_HELP } from "../../src/cli/exit-codes";
import { TaskerClient } from "../../src/client";

const ROOT = resolve(__dirname, "../..");
const page = readFileSync(join(ROOT, "docs/reference/cli.md"), "utf8");
const main = readFileSync(join(ROOT, "src/cli/main.ts"), "utf8");

function allCommands(): Array<[path: string, command: Command]> {
  const program = new Command("tasker");
  for (const file of readdirSync(join(ROOT, "src/cli"), { recursive: true, encoding: "utf8" })) {
    if (file === "main.ts" || !file.endsWith(".ts")) continue;
    const { register } = require(join(ROOT, "src/cli", file)) as { register?: (program: Command) => void };
    register?.(program);
  }
  // A command with arguments of its own can be called, although others stand below it.
  const leaves = (command: Command, path: string): Array<[string, Command]> => {
    const inner = command.commands.flatMap((one) => leaves(one, `${path} ${one.name()}`.trim()));
    return inner.length === 0 || command.registeredArguments.length > 0 ? [[path, command], ...inner] : inner;
  };
  return leaves(program, "").filter(([path]) => !path.startsWith("__"));
}

test("every command of every file is known to main, and stands in the reference with its options", () => {
  for (const [path, command] of allCommands()) {
    expect(main).toMatch(new RegExp(`require\\("\\./(\\w+/)*${path.split(" ")[0]}"\\)`));
    const at = page.indexOf(`### \`tasker ${path}`);
    expect([path, at > 0]).toEqual([path, true]);
    const section = page.slice(at).split("\n### ")[0]!;
    const common = page.split("## Commands")[0]!;
    for (const { long } of command.options) {
      expect([path, long, section.includes(`${long}`) || common.includes(`${long}`)]).toEqual([path, long, true]);
    }
  }
});

test("the reference names no command and no option that is not there", () => {
  const known = new Map(allCommands());
  for (const section of page.split("\n### `tasker ").slice(1)) {
    const words = section.split("`")[0]!.split(" ");
    const path = words.filter((word) => /^[a-z]/.test(word)).join(" ");
    const command = known.get(path);
    expect([path, command !== undefined]).toEqual([path, true]);
    for (const [, flag] of section.matchAll(/^\| `(?:-\w, )?(--[a-z-]+)/gm)) {
      expect([path, flag, command!.options.some((option) => option.long === flag)]).toEqual([path, flag, true]);
    }
  }
});

test("every exit code stands in the help and in the reference", () => {
  for (const code of Object.values(EXIT)) {
    expect(EXIT_HELP).toMatch(new RegExp(`^  ${code} +\\w`, "m"));
    expect(page).toContain(`| ${code} |`);
  }
});

test("every call of the client stands in its reference", () => {
  const reference = readFileSync(join(ROOT, "docs/reference/client.md"), "utf8");
  const internal = ["constructor", "url", "all", "call"];
  for (const name of Object.getOwnPropertyNames(TaskerClient.prototype)) {
    if (!internal.includes(name)) expect([name, reference.includes(`\`${name}(`)]).toEqual([name, true]);
  }
});
