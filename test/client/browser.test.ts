import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createContext, runInContext } from "node:vm";
import { transformSync } from "@swc/core";
import { startWorld, type TestSystem } from "./support";

const FOLDER = resolve(__dirname, "../../src/client");

let world: TestSystem;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

test("the client imports nothing but its own files", () => {
  for (const file of readdirSync(FOLDER)) {
    const imports = [
      ...readFileSync(join(FOLDER, file), "utf8").matchAll(/from "([^"]+)"|import\("([^"]+)"\)|require\(/g),
    ];
    for (const found of imports) expect(`${file}: ${found[1] ?? found[0]}`).toMatch(/: \.\/[a-z]+$/);
  }
});

/** Only what a browser has: no process, no Buffer, no require of anything outside the client's folder. */
function inBrowser(): typeof import("../../src/client") {
  const { fetch, AbortController, AbortSignal, URL, URLSearchParams, TextDecoder, crypto, setTimeout, clearTimeout } =
    globalThis;
  const web = {
    fetch,
    AbortController,
    AbortSignal,
    URL,
    URLSearchParams,
    TextDecoder,
    crypto,
    setTimeout,
    clearTimeout,
  };
  const context = createContext({ ...web, console });
  const loaded = new Map<string, { exports: unknown }>();
  const load = (file: string): unknown => {
    const known = loaded.get(file);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(file, module);
    const { code } = transformSync(readFileSync(file, "utf8"), {
      jsc: { parser: { syntax: "typescript" }, target: "es2022" },
      module: { type: "commonjs" },
    });
    const wrapped = runInContext(`(function (module, exports, require) {${code}\n})`, context, { filename: file });
    wrapped(module, module.exports, (name: string) => load(`${join(dirname(file), name)}.ts`));
    return module.exports;
  };
  return load(join(FOLDER, "index.ts")) as typeof import("../../src/client");
}

test("it works with what a browser has, and nothing else", async () => {
  const { TaskerClient } = inBrowser();
  const client = new TaskerClient({ url: world.url });
  const task = await client.submit("echo", { payload: { from: "browser" } });
  const states: string[] = [];
  for await (const now of client.watch("echo", task.id)) states.push(now.status);
  expect(states.at(-1)).toBe("succeeded");
  await expect(client.submit("nope")).rejects.toMatchObject({ name: "TaskerProblem" });
});
