import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { until } from "../../support/until";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { report } from "../support/report";
import { type Servers, Stage, servers } from "../support/stage";

jest.setTimeout(240_000);

describe("cancelling, and targets of HTTP tasks that misbehave", () => {
  let on: Servers;
  let stage: Stage;
  let target: Server;
  let host: string;
  let calls = 0;

  beforeAll(async () => {
    on = await servers();
    target = createServer((request, response) => {
      calls++;
      const { pathname } = new URL(request.url!, "http://target");
      if (pathname === "/never") return;
      if (pathname === "/endless") {
        response.writeHead(200);
        const timer = setInterval(() => response.write("x".repeat(100_000)), 5);
        response.on("close", () => clearInterval(timer));
      } else if (pathname === "/slow") {
        response.writeHead(200);
        const timer = setInterval(() => response.write("x"), 1000);
        response.on("close", () => clearInterval(timer));
      } else if (pathname === "/reset") {
        response.writeHead(200, { "content-length": "1000" });
        response.write("half", () => request.socket.resetAndDestroy());
      } else if (pathname === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else response.writeHead(pathname === "/500" ? 500 : 200).end("{}");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => target.once("listening", resolve));
    host = `127.0.0.1:${(target.address() as AddressInfo).port}`;
    const command = [process.execPath, join(__dirname, "..", "support", "command-journal.cjs")];
    const http = { allow_hosts: [host], timeout: "3s", max_body: "1mb" };
    stage = await Stage.create(on, {
      work: { backoff: { first: "60s", max: "60s" } },
      types: {
        cmd: { command, env: ["TASKER_TEST_JOURNAL"], grace: "1s" },
        call: { http, attempts: 2, backoff: { first: "100ms" }, concurrency: 10 },
        held: { http: { ...http, timeout: "60s" } },
      },
    });
    await Promise.all([stage.api(), stage.manager("a")]);
  });
  afterAll(async () => {
    await stage.close();
    target.closeAllConnections();
    target.close();
    await on.stop();
  });

  test("F22: a cancel takes effect in every state, and says cancelled only when nothing runs any more", async () => {
    const client = new Client(stage);
    const response = async (type: string, id: string) =>
      (await stage.ask("GET", `/${type}/${id}/responses/a`)).body as { status: string };
    const cancel = (type: string, id: string) => stage.ask("POST", `/${type}/${id}/cancel?wait=10`);
    const becomes = (type: string, id: string, status: string) =>
      until(`${type} ${status}`, async () => (await response(type, id)).status === status, 20_000);

    const running = [
      await client.submit(["a"], { ms: 40_000 }),
      await client.submit(["a"], { ms: 40_000, deaf: true }),
      await client.submit(["a"], { ms: 40_000, deaf: true }, {}, "cmd"),
      await client.submit(["a"], { url: `http://${host}/never` }, {}, "held"),
    ];
    const retrying = await client.submit(["a"], { fail: true });
    for (const { type, taskId } of running) await becomes(type, taskId!, "running");
    await becomes("work", retrying.taskId!, "retrying");
    const pids = stage
      .journal()
      .filter((entry) => entry.taskId === running[2]!.taskId)
      .map((entry) => entry.pid);
    const queued = await client.submit(["nobody"], {});

    for (const { type, taskId } of [...running, retrying]) {
      expect((await cancel(type, taskId!)).status).toBe(202);
      expect(await response(type, taskId!)).toMatchObject({ status: "cancelled" });
    }
    expect((await cancel("work", queued.taskId!)).status).toBe(202);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");

    // A cancel and the end of the handler meet: whichever comes first, both tell the same story.
    const race = await Promise.all(Array.from({ length: 10 }, () => client.submit(["a"], { ms: 300 })));
    await until("they run", () =>
      race.some(({ taskId }) => stage.journal().some((e) => e.taskId === taskId && e.what === "end")),
    );
    await Promise.all(race.map(({ taskId }) => cancel("work", taskId!)));
    const verdict = await check(stage, client);
    report("F22", 16, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0 });
    const ended = new Set(
      stage
        .journal()
        .filter((entry) => entry.what === "end")
        .map((entry) => entry.taskId),
    );
    for (const { taskId } of race) {
      expect(await response("work", taskId!)).toMatchObject({ status: ended.has(taskId!) ? "succeeded" : "cancelled" });
    }
  });

  test("F24: a target that never answers, trickles, floods, resets, fails or redirects for ever costs bounded time and no socket", async () => {
    const client = new Client(stage);
    const manager = stage.programs.find((program) => program.endpoint === "a")!;
    await client.submit(["a"], { url: `http://${host}/` }, {}, "call");
    await check(stage, client);
    const before = manager.footprint();
    calls = 0;
    const paths = ["never", "slow", "endless", "reset", "500", "loop"];
    for (const path of paths) await client.submit(["a"], { url: `http://${host}/${path}` }, {}, "call");
    const verdict = await check(stage, client);
    report("F24", paths.length, verdict);
    expect(verdict).toMatchObject(CLEAN);
    expect(calls).toBeGreaterThanOrEqual(2 * paths.length - 2);
    await until("the sockets are closed", () => manager.footprint().fds <= before.fds + 4, 20_000);
    expect(manager.footprint().rss).toBeLessThan(before.rss + 150 * 1024 * 1024);
  });
});
