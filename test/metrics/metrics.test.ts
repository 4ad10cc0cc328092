import { readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until";
import { type TestSystem, world } from "../support/world";

/** Series of a Prometheus text: `name{labels}` → value; labels in the order of their names. */
function series(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const labels =
      (match[2] ?? "")
        .match(/\w+="(?:[^"\\]|\\.)*"/g)
        ?.sort()
        .join(",") ?? "";
    found.set(labels ? `${match[1]}{${labels}}` : match[1]!, Number(match[3]));
  }
  return found;
}

describe("metrics over MariaDB and RabbitMQ", () => {
  let w: TestSystem;
  let healthPort: number;
  beforeAll(async () => {
    w = await world("wire", {
      types: { deploy: { attempts: 1 } },
      functions: {
        async deploy(payload) {
          if (payload.fail) throw new Error("as asked");
        },
      },
      more: { manager: { port: 0 } },
    });
    healthPort = (await w.manager("lb-1")).healthPort!;
    const ok = await w.submit("deploy", { identifier: "ok", endpoints: ["lb-1"] });
    const bad = await w.submit("deploy", { identifier: "bad", payload: { fail: true }, endpoints: ["lb-1"] });
    await w.submit("deploy", { identifier: "waits", endpoints: ["lb-9"] });
    expect([(await w.settled(ok)).status, (await w.settled(bad)).status]).toEqual(["succeeded", "failed"]);
  });
  afterAll(() => w.close());

  const scrape = async () => series((await w.get("/metrics")).text);
  const own = async (path: string) => fetch(`http://127.0.0.1:${healthPort}${path}`);

  test("what was created, what ended and how, and who owes an answer stand in the API's figures", async () => {
    await until("both tasks are settled", async () => {
      return (await scrape()).get('tasker_tasks_finished_total{status="failed",type="deploy"}') === 1;
    });
    const now = await scrape();
    expect(now.get('tasker_tasks_created_total{type="deploy"}')).toBe(3);
    expect(now.get('tasker_tasks_finished_total{status="succeeded",type="deploy"}')).toBe(1);
    expect(now.get('tasker_responses_total{endpoint="lb-1",status="succeeded",type="deploy"}')).toBe(1);
    expect(now.get('tasker_responses_total{endpoint="lb-1",status="failed",type="deploy"}')).toBe(1);
    expect(now.get('tasker_task_completion_seconds_count{type="deploy"}')).toBe(2);
    expect(now.get('tasker_delivery_delay_seconds_count{type="deploy"}')).toBe(2);
    expect(now.get('tasker_responses_missing{endpoint="_unregistered",type="deploy"}')).toBe(1);
    expect(now.get('tasker_endpoint_last_seen_timestamp_seconds{endpoint="lb-1"}')).toBeGreaterThan(1_600_000_000);
    expect(now.get("tasker_outbox_pending")).toBeGreaterThanOrEqual(0);
    expect(now.get("tasker_outbox_oldest_seconds")).toBeGreaterThanOrEqual(0);
    expect(now.get("tasker_amqp_reconnects_total")).toBe(0);
    expect(now.get("tasker_ready")).toBe(1);
    expect(now.get('tasker_http_request_duration_seconds_count{code="202",method="POST",route="/:taskType"}')).toBe(3);
  });

  test("a second settling of the same task counts nothing again", async () => {
    const before = (await scrape()).get('tasker_task_completion_seconds_count{type="deploy"}');
    const { items } = (await w.get("/deploy?status=succeeded")).body;
    await w.api.store.maintenance.storeStatus(items.map((task: { id: string }) => task.id));
    expect((await scrape()).get('tasker_task_completion_seconds_count{type="deploy"}')).toBe(before);
  });

  test("a manager tells on its own port that it lives, is ready, and what its handlers took", async () => {
    expect((await own("/livez")).status).toBe(200);
    const ready = await own("/readyz");
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { ready: true, checks: { managers: { ok: true, registered: ["lb-1"] } } },
    ]);
    const now = series(await (await own("/metrics")).text());
    expect(now.get('tasker_handler_duration_seconds_count{endpoint="lb-1",type="deploy"}')).toBe(2);
    expect(now.get('tasker_manager_events_total{endpoint="lb-1",event="succeeded"}')).toBe(1);
    expect(now.get('tasker_manager_tasks{endpoint="lb-1",state="running"}')).toBe(0);
    expect(now.get("tasker_amqp_reconnects_total")).toBe(0);
    expect((await own("/anything")).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${healthPort}/metrics`, { method: "POST" })).status).toBe(405);
  });

  test("names that clients invent share one label, however many there are and whatever becomes of them", async () => {
    const before = await scrape();
    const invented = Array.from({ length: 400 }, (_, i) => `invented-${i}`);
    const task = await w.submit("deploy", { identifier: "invented", endpoints: invented });
    const open = 'tasker_responses_open{endpoint="_unregistered",status="expected",type="deploy"}';
    expect((await scrape()).get(open)).toBe((before.get(open) ?? 0) + 400);
    await w.post(`/deploy/${task.id}/cancel`);
    const ended = 'tasker_responses_total{endpoint="_unregistered",status="cancelled",type="deploy"}';
    await until("they are counted", async () => ((await scrape()).get(ended) ?? 0) === 400);
    const after = await scrape();
    expect([...after.keys()].filter((name) => name.includes("invented"))).toEqual([]);
    expect(after.size).toBeLessThan(before.size + 100);
  });

  test("an endpoint that is registered is counted by name even if it never came, until it is removed", async () => {
    const of = (endpoint: string, all: Map<string, number>) =>
      [...all.keys()].filter((name) => name.includes(`"${endpoint}"`));
    await w.api.store.tasks.registerEndpoints("deploy", ["never-there"]);
    const task = await w.submit("deploy", { identifier: "never", endpoints: ["never-there", "lb-1"] });
    await w.post(`/deploy/${task.id}/cancel`, { endpoints: ["never-there"] });
    const name = 'tasker_responses_total{endpoint="never-there",status="cancelled",type="deploy"}';
    await until("it is counted", async () => (await scrape()).get(name) === 1);
    expect(of("never-there", await scrape())).toContain('tasker_endpoint_alive{endpoint="never-there"}');
    for (const endpoint of ["never-there", "lb-1"]) {
      expect((await w.request("DELETE", `/endpoints/${endpoint}`)).status).toBe(202);
      expect(of(endpoint, await scrape())).toEqual([]);
    }
  });

  test("no label holds an id", async () => {
    const text = (await w.get("/metrics")).text + (await (await own("/metrics")).text());
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/);
  });

  test("the dashboard and the alerts ask only for series that there are", async () => {
    const text = (await w.get("/metrics")).text + (await (await own("/metrics")).text());
    const there = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!));
    for (const file of ["deploy/grafana/tasker.json", "deploy/prometheus/alerts.yml"]) {
      const asked = readFileSync(join(__dirname, "../..", file), "utf8").match(/\btasker_[a-z_]+/g) ?? [];
      expect(asked.length).toBeGreaterThan(5);
      const unknown = asked.filter((name) => !there.has(name) && !there.has(name.replace(/_(bucket|count|sum)$/, "")));
      expect([file, unknown]).toEqual([file, []]);
    }
  });
});
