import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { configFrom } from "../../src/config/loading/load";
import { silentLog } from "../../src/log";
import { startProcess } from "../../src/tasker";
import { ROOT } from "../support/sources";

/** Every page's config is taken, and every request answered with 2xx, as pasted (`ID`: the id of the answer before). */

const PAGES = join(ROOT, "docs/coming-from");
const pages = readdirSync(PAGES).filter((name) => name !== "README.md");

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map((found) => found[1]!);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A block's lines, with `\` at a line's end and open quotes taken together. */
function commands(block: string): string[] {
  const found: string[] = [];
  let command = "";
  for (const line of block.split("\n")) {
    command += command === "" ? line : `\n${line}`;
    const open = (command.match(/'/g)?.length ?? 0) % 2 === 1 || command.endsWith("\\");
    if (open || command === "") continue;
    found.push(command);
    command = "";
  }
  return found;
}

test.each(pages)("%s: its config, handlers and requests work as pasted", async (name) => {
  const text = readFileSync(join(PAGES, name), "utf8");
  const port = await freePort();
  const here = (part: string) => part.replaceAll("127.0.0.1:3000", `127.0.0.1:${port}`);
  const folder = mkdtempSync(join(tmpdir(), "tasker-coming-from-"));
  mkdirSync(join(folder, "handlers"));
  symlinkSync(join(ROOT, "dist/handlers/noop.js"), join(folder, "handlers/noop.js"));
  for (const code of blocks(text, "js")) {
    writeFileSync(join(folder, /^\/\/ (handlers\/\S+)/.exec(code)![1]!), code);
  }
  const written = parse(here(blocks(text, "yaml")[0]!));
  const config = configFrom({
    ...written,
    handlers: join(folder, "handlers"),
    api: { port },
    manager: { ...written.manager, spool: join(folder, "spool") },
    database: { uri: `sqlite:${join(folder, "tasker.db")}` },
  });
  const running = await startProcess({ config, log: silentLog, api: true, endpoints: config.manager.endpoints });
  try {
    await running.ready;
    let id = "";
    const all = blocks(text, "sh").flatMap(commands);
    expect(all.length).toBeGreaterThan(3);
    for (const command of all) {
      const script = `curl() { command curl --silent --show-error --fail-with-body "$@"; }\n${here(command).replace("/ID", `/${id}`)}`;
      const { stdout } = await promisify(execFile)("sh", ["-ec", script]).catch((error) => {
        throw new Error(`${command}\n${error.stdout}${error.stderr}`);
      });
      const answer = JSON.parse(stdout);
      id = answer.task?.id ?? answer.id ?? id;
      if (/POST .*wait=20/.test(command))
        expect([command, answer.status ?? answer.task.status]).toEqual([
          command,
          expect.stringMatching(/succeeded|cancelled/),
        ]);
    }
  } finally {
    await running.close(true);
    rmSync(folder, { recursive: true, force: true });
  }
});
