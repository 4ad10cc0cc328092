import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const dir = mkdtempSync(path.join(tmpdir(), "tasker-load-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What loading `source` as a TypeScript handler says, in a process that runs from the sources as `npm run dev` does. */
function loading(name: string, source: string): string {
  const file = path.join(dir, `${name}.ts`);
  writeFileSync(file, source);
  const script = path.join(dir, `load-${name}.ts`);
  writeFileSync(
    script,
    `import { loadHandler } from ${JSON.stringify(path.resolve("src/manager/runners/module/load-handler.ts"))};
     loadHandler(${JSON.stringify(file)}).catch((error: Error) => console.log(error.message));`,
  );
  return spawnSync(process.execPath, ["--import", "tsx", script], { encoding: "utf8" }).stdout;
}

test("a TypeScript handler that cannot be parsed says in which file and line", () => {
  expect(loading("broken", "\n\nexport const handleTask: = 1;")).toContain(`${path.join(dir, "broken.ts")}:3:`);
});

test("a TypeScript handler that throws as it loads says in which file and line", () => {
  const said = loading("throws", "type A = {\n  a: 1;\n};\nthrow new Error('not today');\nexport {};");
  expect(said).toContain("Error: not today");
  expect(said).toContain(`${path.join(dir, "throws.ts")}:4:`);
});
