import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePlace, start } from "./support";

/** The API and its managers are one process here, and its handlers run in it. */
test("`tasker up` outlives what inline handlers leave uncaught, and drains for an error that is nobody's", async () => {
  const place = makePlace();
  const config = join(place.folder, "config/inline.config.yaml");
  writeFileSync(
    config,
    `task_types:
  stray: { isolation: inline, attempts: 3, backoff: { first: 0s } }
  calm: { isolation: inline }
api: { port: 0 }
manager: { endpoints: [a] }
database: { uri: "sqlite:data/tasker.db" }
broker: { uri: "embedded:" }
`,
  );
  writeFileSync(
    join(place.folder, "handlers/stray.js"),
    `exports.handleTask = async () => { Promise.reject(new Error("left alone")); await new Promise((r) => setTimeout(r, 50)); };`,
  );
  writeFileSync(
    join(place.folder, "handlers/calm.js"),
    `exports.handleTask = async ({ trap }, context) => {
      const servers = process._getActiveHandles().filter((handle) => handle.constructor.name === "Server");
      if (trap) for (const server of servers) server.once("connection", () => { throw new Error("nobody's"); });
      context.log("ready");
      await new Promise((resolve) => setTimeout(resolve, trap ? 1500 : 50));
      return "done";
    };`,
  );
  const up = start(["up"], { cwd: place.folder, env: { TASKER_CONFIG: config } });
  const url = await new Promise<string>((done, failed) => {
    up.child.stdout!.on("data", () => {
      const found = /http:\/\/\S+/.exec(up.stdout())?.[0];
      if (found) done(found);
    });
    void up.ended.then(({ stderr }) => failed(new Error(stderr)));
  });
  const submit = async (type: string, payload = {}) => {
    const headers = { "content-type": "application/json", connection: "close" };
    const response = await fetch(`${url}/${type}?wait=20s`, {
      method: "POST",
      headers,
      body: JSON.stringify({ identifier: type, payload }),
    });
    return (await response.json()) as { id: string; status: string; responses: Array<Record<string, unknown>> };
  };
  const [stray, calm] = await Promise.all([submit("stray"), submit("calm")]);
  expect(stray.responses[0]).toMatchObject({ status: "failed", reason: "error", attempt: 3 });
  expect(stray.responses[0]!.error).toContain("left alone");
  expect(calm.status).toBe("succeeded");

  const trapped = await fetch(`${url}/calm`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ identifier: "trap", payload: { trap: true } }),
  });
  const { id } = (await trapped.json()) as { id: string };
  for (let ended = false; !ended; ) {
    ended = up.child.exitCode !== null || up.stderr().includes("nobody's");
    if (!ended) await fetch(`${url}/livez`, { headers: { connection: "close" } }).catch(() => {});
    if (!ended) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { code, stderr } = await up.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("nobody's");
  expect(stderr).toContain(`calm/${id}`);
  expect(stderr).toContain("stopping: finishing what runs");
  place.remove();
});
