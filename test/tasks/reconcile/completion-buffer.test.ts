import type { EndedResponse } from "../../../src/store/store";
import { CompletionBuffer } from "../../../src/tasks/reconcile/completion-buffer";

const end = (taskId: string, n: number, task: Partial<EndedResponse["task"]> = {}): EndedResponse => ({
  ...{ taskId, endpoint: `e${n}`, job: "", type: "work", performer: `e${n}`, status: "succeeded" },
  ...{ receivedAt: null, finishedAt: null },
  task: {
    status: "pending",
    version: 1,
    expected: 3,
    createdAt: "2026-01-01T00:00:00.000Z",
    delayUntil: null,
    ...task,
  },
});
const names = (ends: readonly EndedResponse[]) => ends.map(({ taskId, endpoint }) => `${taskId} ${endpoint}`);

describe("what has ended of tasks with others under way", () => {
  test("comes with the last of them, and the tasks before and behind it go their own way", () => {
    const partly = new CompletionBuffer();
    expect(names(partly.sift([end("a", 1), end("b", 1, { expected: 1 }), end("c", 1)], "p1", 0))).toEqual(["b e1"]);
    expect(partly.place).toBe("p1");
    expect(names(partly.sift([end("a", 2), end("d", 1), end("a", 3)], "p2", 10))).toEqual(["a e1", "a e2", "a e3"]);
    expect(partly.place).toBe("p1");
    expect(names(partly.sift([end("c", 2), end("c", 3)], "p3", 20))).toEqual(["c e1", "c e2", "c e3"]);
    expect(partly.place).toBe("p2");
    expect(names(partly.sift([], "p4", 1010))).toEqual(["d e1"]);
    expect(partly.place).toBeUndefined();
  });

  test.each([
    ["has been stored as running", { status: "running" }],
    ["was stored before anybody counted its responses", { expected: 0 }],
  ])("is not kept where the task %s", (_, task) => {
    expect(new CompletionBuffer().sift([end("a", 1, task)], "p1", 0)).toHaveLength(1);
  });

  test("is let go when somebody has touched the task", () => {
    const partly = new CompletionBuffer();
    partly.sift([end("a", 1)], "p1", 0);
    expect(names(partly.sift([end("a", 2, { version: 2 })], "p2", 10))).toEqual(["a e1", "a e2"]);
  });

  test("is let go, all of it, when it becomes much", () => {
    const partly = new CompletionBuffer();
    const many = Array.from({ length: 20_000 }, (_, n) => end("a", n, { expected: 30_000 }));
    expect(partly.sift(many, "p1", 0)).toEqual([]);
    expect(partly.sift([end("b", 1)], "p2", 1)).toHaveLength(20_001);
    expect(partly.place).toBeUndefined();
    expect(partly.sift([end("b", 1)], "p3", 2)).toEqual([]);
  });

  test("is forgotten when told so", () => {
    const partly = new CompletionBuffer();
    partly.sift([end("a", 1), end("a", 2)], "p1", 0);
    partly.clear();
    expect(partly.place).toBeUndefined();
    expect(partly.sift([end("a", 3)], "p2", 0)).toEqual([]);
  });
});
