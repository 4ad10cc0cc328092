import { newId } from "../../../src/model/ids";
import type { TaskFilter } from "../../../src/store/store";
import type { Subject } from "../contract";
import { claimed, createdTask, endOf, fresh, newTask } from "../support";

export function listContract(subject: () => Subject): void {
  describe("lists", () => {
    const [red, blue] = [fresh("red"), fresh("blue")];
    const [lb1, lb2] = [fresh("lb"), fresh("lb")];
    const times = ["2021-01-01", "2021-01-02", "2021-01-03", "2021-01-04", "2021-01-05", "2021-01-06"].map((day) =>
      Date.parse(day),
    );
    const tasks = [
      newTask({ id: newId(times[0]), type: red, endpoints: [lb1] }),
      newTask({ id: newId(times[1]), type: blue, endpoints: [lb1, lb2] }),
      newTask({ id: newId(times[2]), type: red, endpoints: [lb2], jobs: ["a", "b"] }),
      newTask({ id: newId(times[3]), type: blue, endpoints: ["*"], deliver: "one" }),
      newTask({ id: newId(times[4]), type: red, endpoints: ["*"], deliver: "one" }),
      newTask({ id: newId(times[5]), type: red, endpoints: [lb1], identifier: fresh("the-one") }),
    ];
    // Ids of the past are made in one go: the generator never goes back.
    tasks.forEach((task, i) => {
      const time = times[i]!.toString(16).padStart(12, "0");
      task.id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${task.id.slice(24)}`;
    });

    beforeAll(async () => {
      const { store } = subject();
      await store.tasks.create(tasks);
      await store.managers.finish([
        endOf(await claimed(store, tasks[0]!.id, { endpoint: lb1 })),
        endOf(await claimed(store, tasks[3]!.id, { endpoint: lb2 }), { status: "failed", reason: "error" }),
      ]);
      await store.maintenance.storeStatus(tasks.map(({ id }) => id));
    });

    const list = async (filter: Omit<TaskFilter, "limit"> & { limit?: number }) =>
      (await subject().store.tasks.list({ limit: 100, types: [red, blue], ...filter })).map(({ id }) =>
        tasks.findIndex((task) => task.id === id),
      );

    it.each<[string, Omit<TaskFilter, "limit">, number[]]>([
      ["all types allowed", {}, [5, 4, 3, 2, 1, 0]],
      ["one type", { type: red }, [5, 4, 2, 0]],
      ["a type that is not allowed", { type: red, types: [blue] }, []],
      ["no type allowed", { types: [] }, []],
      ["a status", { status: ["pending"] }, [5, 4, 2, 1]],
      ["several statuses and a type", { type: red, status: ["pending", "succeeded"] }, [5, 4, 2, 0]],
      ["no status", { status: [] }, []],
      ["an identifier", { identifier: tasks[5]!.identifier }, [5]],
      ["an identifier in any type", { identifier: tasks[5]!.identifier, types: undefined }, [5]],
      ["an identifier of another type", { identifier: tasks[5]!.identifier, type: blue }, []],
      ["an endpoint that is expected", { endpoint: lb1 }, [5, 1, 0]],
      ["an endpoint that is expected or performed", { endpoint: lb2 }, [3, 2, 1]],
      ["an endpoint with a status there", { endpoint: lb1, endpointStatus: ["succeeded"] }, [0]],
      ["an endpoint, a status of the task, a type", { endpoint: lb1, status: ["pending"], type: blue }, [1]],
      ["an endpoint and an identifier", { endpoint: lb1, identifier: tasks[5]!.identifier }, [5]],
      ["an endpoint nobody knows", { endpoint: "nobody" }, []],
      ["created after", { createdAfter: "2021-01-04T00:00:00.000Z" }, [5, 4, 3]],
      ["created before", { createdBefore: "2021-01-03T00:00:00Z", type: red }, [0]],
      ["after a cursor", { after: tasks[3]!.id }, [2, 1, 0]],
      ["after a cursor with an endpoint", { after: tasks[2]!.id, endpoint: lb2 }, [1]],
      ["after what is no cursor", { after: "'; DROP TABLE tasks" }, []],
    ])("filters by %s", async (_, filter, expected) => {
      expect(await list(filter)).toEqual(expected);
    });

    it("pages through everything without a gap or a double", async () => {
      for (const filter of [{}, { endpoint: lb2 }, { status: ["pending" as const, "failed" as const] }]) {
        const whole = await list(filter);
        const paged: number[] = [];
        for (let after: string | undefined; ; ) {
          const page = await list({ ...filter, limit: 2, after });
          paged.push(...page);
          if (page.length < 2) break;
          after = tasks[page[1]!]!.id;
        }
        expect(paged).toEqual(whole);
      }
    });

    it("lists the newest of everything when nothing is asked for", async () => {
      const { store } = subject();
      const newest = await createdTask(store);
      expect((await store.tasks.list({ limit: 1 })).map(({ id }) => id)).toEqual([newest.id]);
    });

    it.each([
      ["puts a page together from the ranges of many types, whatever their status", 50],
      ["scans by time when there are more types and statuses than that", 300],
    ])("%s", async (_what, count) => {
      const types = [red, blue, ...Array.from({ length: count }, () => fresh("none"))];
      expect(await list({ types })).toEqual([5, 4, 3, 2, 1, 0]);
      expect(await list({ types, status: ["pending", "failed"] })).toEqual([5, 4, 3, 2, 1]);
    });

    it("pages through the responses of a task by status", async () => {
      const { store } = subject();
      const endpoints = Array.from({ length: 7 }, (_, i) => `node-${i}`);
      const task = await createdTask(store, { endpoints, jobs: ["a", "b"] });
      await store.managers.finish([endOf(await claimed(store, task.id, { endpoint: "node-3", job: "b" }))]);
      const first = await store.tasks.responses(task.id, { limit: 7 });
      expect(first.map(({ endpoint, job }) => `${endpoint}${job}`)).toEqual([
        "node-0a",
        "node-0b",
        "node-1a",
        "node-1b",
        "node-2a",
        "node-2b",
        "node-3a",
      ]);
      const rest = await store.tasks.responses(task.id, { limit: 100, after: first.at(-1)!, status: ["expected"] });
      expect(rest.map(({ endpoint, job }) => `${endpoint}${job}`)).toEqual([
        "node-4a",
        "node-4b",
        "node-5a",
        "node-5b",
        "node-6a",
        "node-6b",
      ]);
      expect(await store.tasks.responses(task.id, { limit: 100, status: [] })).toEqual([]);
    });

    it("counts open responses only", async () => {
      const { store } = subject();
      const type = fresh("type");
      const endpoint = fresh("lb");
      for (let i = 0; i < 3; i++) await createdTask(store, { type, endpoints: [endpoint] });
      const running = await createdTask(store, { type, endpoints: [endpoint] });
      await claimed(store, running.id, { endpoint });
      const done = await createdTask(store, { type, endpoints: [endpoint] });
      await store.managers.finish([endOf(await claimed(store, done.id, { endpoint }))]);
      const counts = (await store.tasks.openCounts()).filter((row) => row.type === type);
      expect(counts.sort((a, b) => a.count - b.count)).toEqual([
        { type, endpoint, status: "running", count: 1 },
        { type, endpoint, status: "expected", count: 3 },
      ]);
    });
  });
}
