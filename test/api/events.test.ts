import { request } from "node:http";
import { until } from "../support/until";
import { type Body, startTestApi, type TestApi } from "./support";

let t: TestApi;
beforeAll(async () => {
  t = await startTestApi();
});
afterAll(() => t?.stop());

interface Event {
  name: string;
  id: string | null;
  data: Body;
}

interface Stream {
  status: number;
  headers: Record<string, unknown>;
  events: Event[];
  raw(): string;
  ended: Promise<void>;
  close(): void;
}

function follow(path: string, headers: Record<string, string> = {}, api: TestApi = t): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const call = request(`${api.api.url}${path}`, { headers }, (answer) => {
      let text = "";
      const events: Event[] = [];
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        events.length = 0;
        for (const block of text.split("\n\n").slice(0, -1)) {
          const lines = block.split("\n");
          const field = (name: string) =>
            lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
          if (field("event").length > 0) {
            events.push({
              name: field("event")[0]!,
              id: field("id")[0] ?? null,
              data: JSON.parse(field("data").join("\n")),
            });
          }
        }
      });
      answer.on("error", () => {});
      resolve({
        status: answer.statusCode!,
        headers: answer.headers,
        events,
        raw: () => text,
        ended: new Promise((done) => answer.once("close", () => done())),
        close: () => call.destroy(),
      });
    });
    call.on("error", reject).end();
  });
}

const statuses = (stream: Stream, task: Body) =>
  stream.events
    .filter((event) => event.name === "response.updated" && event.data.task_id === task.id)
    .map((event) => event.data.status);

describe("GET /events", () => {
  test("tells every change to everybody who follows, and no past", async () => {
    await t.perform(await t.create("app-update", { endpoints: ["db1"] }), "db1");
    const streams = await Promise.all([follow("/events"), follow("/events?type=other"), follow("/events")]);
    expect(streams[0]!.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(streams[0]!.headers["cache-control"]).toBe("no-store");
    const task = await t.create("app-update", { endpoints: ["db1"] });
    const other = await t.create("other", { endpoints: ["db1"] });
    await t.perform(task, "db1");
    await t.perform(other, "db1");
    for (const stream of streams) {
      await until("the last change", () => statuses(stream, other).at(-1) === "succeeded");
    }
    expect(statuses(streams[0]!, task).at(-1)).toBe("succeeded");
    expect(statuses(streams[2]!, task)).toEqual(statuses(streams[0]!, task));
    expect(statuses(streams[1]!, task)).toEqual([]);
    expect(streams[0]!.raw()).toMatch(/^retry: 3000\n\n/);
    const ids = new Set(streams[0]!.events.map((event) => event.data.task_id));
    expect(ids).toEqual(new Set([task.id, other.id]));
    for (const stream of streams) stream.close();
  });

  test("goes on where a client was cut off", async () => {
    const first = await follow("/events");
    const task = await t.create("app-update", { endpoints: ["db1", "db2"] });
    await t.perform(task, "db1");
    await until("db1 to be told", () => statuses(first, task).includes("succeeded"));
    const last = first.events.at(-1)!.id!;
    first.close();
    await t.perform(task, "db2", { status: "failed", reason: "error", error: "no" });
    const again = await follow("/events", { "last-event-id": last });
    await until("what was missed", () => statuses(again, task).includes("failed"));
    expect(statuses(again, task)).not.toContain("succeeded");
    const byQuery = await follow(`/events?after=${encodeURIComponent(last)}`);
    await until("what was missed", () => statuses(byQuery, task).includes("failed"));
    again.close();
    byQuery.close();
  });

  test("says so when it cannot go on there, and goes on from now", async () => {
    const stream = await follow("/events", { "last-event-id": "from another life" });
    await until("the reset", () => stream.events[0]?.name === "reset");
    const task = await t.create("app-update", { endpoints: ["db1"] });
    await t.perform(task, "db1");
    await until("what is live", () => statuses(stream, task).at(-1) === "succeeded");
    stream.close();
  });
});

describe("GET /:taskType/:id/events", () => {
  test("tells the whole task at first and after changes", async () => {
    const payload = '{\n  "line": 1.0\n}';
    const answer = await t.call(
      "POST",
      "/app-update",
      `{"identifier":"events","endpoints":["db1"],"payload":${payload}}`,
    );
    const task = answer.body;
    const stream = await follow(`/app-update/${task.id}/events`);
    const tasks = () => stream.events.filter((event) => event.name === "task.updated").map((event) => event.data);
    await until("the task", () => tasks().length > 0);
    expect(tasks()[0].payload).toEqual({ line: 1 });
    await t.perform(task, "db1");
    await until("its end", () => tasks().at(-1).status === "succeeded");
    expect(tasks().at(-1).completeness.complete).toBe(true);
    expect(statuses(stream, task).at(-1)).toBe("succeeded");
    stream.close();
  });

  test("of a task that is not there is a problem", async () => {
    const stream = await follow("/app-update/0191c1c0-0000-7000-8000-000000000000/events");
    expect([stream.status, stream.headers["content-type"]]).toEqual([404, "application/problem+json; charset=utf-8"]);
  });
});

describe("a log", () => {
  test("is told as it comes, and its end", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    const write = (text: string) =>
      t.store.managers.log([{ taskId: task.id, endpoint: "db1", job: "", attempt: 1, text }]);
    const path = `/app-update/${task.id}/responses/db1/log`;
    const stream = await follow(path, { accept: "text/event-stream" });
    const texts = (of: Stream) => of.events.filter((event) => event.name === "log").map((event) => event.data.text);
    await write("one\n");
    await until("the first line", () => texts(stream).length === 1);
    await write("two \u001b[31m\ntwo and a half\n");
    await t.perform(task, "db1");
    await stream.ended;
    expect(texts(stream)).toEqual(["one\n", "two \u001b[31m\ntwo and a half\n"]);
    expect(stream.events.at(-1)!.name).toBe("end");
    const rest = await follow(path, { accept: "text/event-stream", "last-event-id": stream.events[0]!.id! });
    await rest.ended;
    expect(texts(rest)).toHaveLength(1);
    expect((await follow(path.replace("db1", "nobody"), { accept: "text/event-stream" })).status).toBe(404);
  });
});

describe("a limited key", () => {
  test("is told of its own types only", async () => {
    const other = await startTestApi();
    try {
      const all = { authorization: `Bearer ${await other.key(["admin"])}` };
      const stream = await follow(
        "/events",
        { authorization: `Bearer ${await other.key(["read"], ["other"])}` },
        other,
      );
      const foreign = await other.call("POST", "/app-update", { identifier: "a", endpoints: ["db1"] }, all);
      const own = await other.call("POST", "/other", { identifier: "a", endpoints: ["db1"] }, all);
      await other.perform(foreign.body, "db1");
      await other.perform(own.body, "db1");
      await until("its own", () => statuses(stream, own.body).at(-1) === "succeeded");
      expect(statuses(stream, foreign.body)).toEqual([]);
      stream.close();
    } finally {
      await other.stop();
    }
  });
});

describe("a drain", () => {
  test("ends streams, so that clients come back elsewhere", async () => {
    const other = await startTestApi();
    const stream = await follow("/events", {}, other);
    await other.api.drain(20_000);
    await stream.ended;
    await other.stop();
  });
});
