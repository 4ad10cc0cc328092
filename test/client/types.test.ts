import { execFileSync } from "node:child_process";
import { join } from "node:path";

test("the client's types are those of the OpenAPI document", () => {
  const root = join(__dirname, "../..");
  const options =
    "--noEmit --strict --skipLibCheck --target es2022 --module node16 --moduleResolution node16 --esModuleInterop";
  const libs = "--lib es2023,es2024.string --types node,jest --ignoreConfig";
  const args = [
    join(root, "node_modules/typescript/bin/tsc"),
    ...`${options} ${libs}`.split(" "),
    join(__dirname, "contract-types.ts"),
  ];
  let complaints = "";
  try {
    execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  } catch (error) {
    complaints = (error as { stdout: string }).stdout;
  }
  expect(complaints).toBe("");
});
