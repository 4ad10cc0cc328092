import type { DueResponse } from "../../../src/store/store";
import { decide } from "../../../src/tasks/reconcile/decide";

const waiting: DueResponse = {
  taskId: "0",
  endpoint: "a",
  job: "",
  type: "noop",
  status: "expected",
  performer: "a",
  attempt: 0,
  attempts: 3,
  managerId: null,
  leaseId: null,
  generation: 1,
  timeoutMs: 60_000,
  version: 1,
  identifier: "x",
  priority: 0,
  traceparent: null,
  payloadBytes: 2,
  published: false,
  delayed: false,
  waitOver: false,
  expired: false,
  cancelling: false,
  lost: false,
  overdue: false,
  nextClockMs: null,
};

describe("what a due response needs", () => {
  test("a final one wants its task settled, whatever else is true of it", () => {
    for (const status of ["succeeded", "failed", "cancelled", "missed"] as const) {
      expect(decide({ ...waiting, status, cancelling: true, expired: true })).toBe("settle");
    }
  });
  test("a running one is reclaimed when its lease is lost, and otherwise only shown to be running", () => {
    expect(decide({ ...waiting, status: "running", leaseId: "l", lost: true })).toBe("reclaim");
    expect(decide({ ...waiting, status: "running", leaseId: "l" })).toBe("postpone");
  });
  test("one that runs far beyond its timeout under a manager that lives is reclaimed later", () => {
    expect(decide({ ...waiting, status: "running", leaseId: "l", overdue: true })).toBe("reclaimLater");
  });
  test("a cancelled one that does not run is withdrawn, also between attempts", () => {
    expect(decide({ ...waiting, cancelling: true })).toBe("withdraw");
    expect(decide({ ...waiting, status: "retrying", cancelling: true, delayed: true })).toBe("withdraw");
  });
  test("past its life it is missed if nobody received it, and goes on if somebody did", () => {
    expect(decide({ ...waiting, expired: true })).toBe("miss");
    expect(decide({ ...waiting, status: "retrying", expired: true })).toBe("publish");
  });
  test("before its time it waits", () => {
    expect(decide({ ...waiting, delayed: true })).toBe("postpone");
  });
  test("unpublished it is published, published and unclaimed it is looked for in its queue", () => {
    expect(decide(waiting)).toBe("publish");
    expect(decide({ ...waiting, status: "retrying" })).toBe("publish");
    expect(decide({ ...waiting, published: true })).toBe("recheck");
    expect(decide({ ...waiting, status: "received", published: true })).toBe("recheck");
  });
});
