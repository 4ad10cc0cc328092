import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFrom } from "../src/config/loading/load";
import { withoutSecrets } from "../src/errors";
import { startProcess } from "../src/tasker";
import { brokerServer, databaseServer } from "./support/services";
import { until } from "./support/until";

/** No password in anything that is written or answered (S14). */
describe("passwords", () => {
  test.each([
    ["amqp://user:hidden@host/v", "amqp://user:***@host/v"],
    ["mysql://user:hid@den@host/v", "mysql://user:***@host/v"],
    ["mysql://user:hid/den@host/v", "mysql://user:***@host/v"],
    ["amqps://:hidden@host", "amqps://:***@host"],
    [
      "no route to amqp://a:hidden@h1/v, nor to mysql://b:hidden@h2/d.",
      "no route to amqp://a:***@h1/v, nor to mysql://b:***@h2/d.",
    ],
    ["http://host/path says a:b", "http://host/path says a:b"],
  ])("in %s are taken out", (text, expected) => {
    expect(withoutSecrets(text)).toBe(expected);
  });

  test("that are wrong appear in no log line and no answer, at either server", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tasker-secrets-"));
    const secret = "Hidden-Secret-1";
    const wrong = (uri: string, path: string) => {
      const url = new URL(uri);
      url.password = secret;
      url.pathname = path;
      return url.href;
    };
    const config = configFrom({
      task_types: { noop: {} },
      database: { uri: wrong(databaseServer(), "/tasker"), deadline: "2s" },
      broker: { uri: wrong(brokerServer(), "/tasker") },
      api: { port: 0 },
      manager: { spool: join(dir, "spool") },
    });
    const lines: string[] = [];
    const write = (fields: unknown, sentence?: string) => {
      const shown = fields instanceof Error ? { err: fields } : (fields as Record<string, unknown>);
      const errors = Object.values(shown ?? {}).map((one) =>
        one instanceof Error ? `${one.stack} ${one.cause}` : one,
      );
      lines.push(`${JSON.stringify(shown)} ${errors.map(String).join(" ")} ${sentence}`);
    };
    const log = { trace: write, debug: write, info: write, warn: write, error: write, child: () => log } as never;
    const running = await startProcess({ config, log, api: true, endpoints: ["lb-1"] });
    const answers: string[] = [];
    try {
      await until("both refusals to be logged", () => /broker/.test(lines.join()) && /database/.test(lines.join()));
      for (const path of ["/readyz", "/metrics", "/tasks", "/system"]) {
        answers.push(await (await fetch(running.api!.url + path)).text());
      }
    } finally {
      await running.close(true);
      rmSync(dir, { recursive: true, force: true });
    }
    const all = [...lines, ...answers].join("\n");
    expect(all).not.toContain(secret);
    expect(all).not.toContain(secret.toLowerCase());
    expect(answers[0]).not.toMatch(/127\.0\.0\.1|Access denied/);
  }, 300_000);
});
