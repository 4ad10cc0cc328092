import fc from "fast-check";
import { NOBODY, overdue, type ResponseFacts, taskState } from "../../src/model/completeness";
import { isFinal, RESPONSE_STATUSES, type ResponseStatus } from "../../src/model/response";

const AT = "2026-01-01T00:00:00.000Z";
const LATER = "2026-01-01T00:00:05.000Z";
const OPEN = { delayed: false, waitOver: false, living: NOBODY };
const OVER = { delayed: false, waitOver: true, living: NOBODY };

function row(endpoint: string, status: ResponseStatus, more: Partial<ResponseFacts> = {}): ResponseFacts {
  const received = !["expected", "missed"].includes(status);
  return {
    endpoint,
    status,
    progress: 0,
    receivedAt: received ? AT : null,
    startedAt: received ? AT : null,
    finishedAt: isFinal(status) ? LATER : null,
    ...more,
  };
}

const rows = fc.array(
  fc.record({ endpoint: fc.constantFrom("a", "b", "c", "d"), status: fc.constantFrom(...RESPONSE_STATUSES) }),
  { minLength: 1, maxLength: 12 },
);
const clock = fc.record({
  delayed: fc.boolean(),
  waitOver: fc.boolean(),
  living: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d")).map((names) => new Set(names)),
});

describe("the state of a task", () => {
  test("the numbers add up to the expected endpoints, whatever the rows", () => {
    fc.assert(
      fc.property(rows, clock, (list, at) => {
        const { completeness: c } = taskState(
          list.map((r) => row(r.endpoint, r.status)),
          at,
        );
        expect(c.running + c.succeeded + c.failed + c.cancelled + c.missing.length).toBe(c.expected);
        expect(c.expected).toBe(new Set(list.map((r) => r.endpoint)).size);
        expect(c.received).toBeLessThanOrEqual(c.expected);
      }),
    );
  });

  test("it is complete exactly when every response is final, and then it has a finish and is settled", () => {
    fc.assert(
      fc.property(rows, clock, (list, at) => {
        const state = taskState(
          list.map((r) => row(r.endpoint, r.status)),
          at,
        );
        const all = list.every((r) => isFinal(r.status));
        expect(state.completeness.complete).toBe(all);
        expect(state.finishedAt !== null).toBe(all);
        expect(["succeeded", "failed", "cancelled"].includes(state.status)).toBe(all);
        if (all) expect(state.settled).toBe(true);
      }),
    );
  });

  test("the order in which responses arrive does not matter", () => {
    fc.assert(
      fc.property(rows, clock, fc.infiniteStream(fc.nat()), (list, at, salt) => {
        const facts = list.map((r) => row(r.endpoint, r.status));
        const shuffled = facts
          .map((fact) => ({ fact, key: salt.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ fact }) => fact);
        const one = taskState(facts, at);
        const other = taskState(shuffled, at);
        one.completeness.missing.sort();
        other.completeness.missing.sort();
        expect(other).toEqual(one);
      }),
    );
  });

  test("it is pending before anybody has it, scheduled while it is delayed, running once somebody has it", () => {
    expect(taskState([row("a", "expected")], OPEN).status).toBe("pending");
    expect(taskState([row("a", "expected")], { ...OPEN, delayed: true }).status).toBe("scheduled");
    expect(taskState([row("a", "received"), row("b", "expected")], OPEN).status).toBe("running");
    expect(taskState([row("a", "succeeded"), row("b", "expected")], OPEN).status).toBe("running");
  });

  test("an endpoint that has not received it in time makes it incomplete and is named", () => {
    const state = taskState([row("a", "succeeded"), row("b", "expected")], OVER);
    expect(state.status).toBe("incomplete");
    expect(state.completeness.missing).toEqual(["b"]);
    expect(state.settled).toBe(true);
  });

  test("an incomplete task is not settled while another endpoint still works on it", () => {
    expect(taskState([row("a", "running"), row("b", "expected")], OVER).settled).toBe(false);
    expect(taskState([row("a", "retrying"), row("b", "expected")], OVER).settled).toBe(false);
  });

  test("it is not settled while an endpoint that lives has not received it, however long ago it should have", () => {
    const owed = [row("a", "succeeded"), row("b", "expected")];
    expect(taskState(owed, { ...OVER, living: new Set(["b"]) })).toMatchObject({
      status: "incomplete",
      settled: false,
    });
    expect(taskState(owed, { ...OVER, living: new Set(["a"]) }).settled).toBe(true);
    const missed = [row("a", "missed"), row("b", "expected")];
    expect(taskState(missed, { ...OVER, living: new Set(["a"]) }).settled).toBe(true);
  });

  test("who lives is asked of those on whom it depends, and of nobody else", () => {
    fc.assert(
      fc.property(rows, clock, (list, at) => {
        const facts = list.map((r) => row(r.endpoint, r.status));
        const asked = overdue(facts, at.waitOver);
        const known = new Set(asked.filter((name) => at.living.has(name as "a")));
        expect(taskState(facts, { ...at, living: known })).toEqual(taskState(facts, at));
        const oneLives = taskState(facts, { ...at, living: new Set(asked.slice(-1)) });
        if (asked.length > 0) expect(oneLives.settled).toBe(false);
      }),
    );
  });

  test("all final with one failure is failed, with only cancellations beside successes cancelled", () => {
    expect(taskState([row("a", "succeeded"), row("b", "succeeded")], OPEN).status).toBe("succeeded");
    expect(taskState([row("a", "succeeded"), row("b", "failed")], OPEN).status).toBe("failed");
    expect(taskState([row("a", "cancelled"), row("b", "failed")], OPEN).status).toBe("failed");
    expect(taskState([row("a", "succeeded"), row("b", "cancelled")], OPEN).status).toBe("cancelled");
    expect(taskState([row("a", "succeeded"), row("b", "missed")], OPEN).status).toBe("failed");
  });

  test("a missed endpoint stays among the missing", () => {
    const { completeness } = taskState([row("a", "succeeded"), row("b", "missed")], OVER);
    expect(completeness.missing).toEqual(["b"]);
    expect(completeness.complete).toBe(true);
  });

  test("several jobs are one response: final when all are, failed when one is, their mean is the progress", () => {
    const half = taskState([row("a", "succeeded"), row("a", "running", { progress: 0.5 })], OPEN);
    expect(half.completeness).toMatchObject({ expected: 1, running: 1, succeeded: 0, complete: false });
    expect(half.progress).toBe(0.75);
    const failed = taskState([row("a", "succeeded"), row("a", "failed")], OPEN);
    expect(failed.completeness).toMatchObject({ expected: 1, failed: 1, complete: true });
    expect(failed.status).toBe("failed");
  });

  test("it started with its first response and finished with its last", () => {
    const state = taskState(
      [row("a", "succeeded", { startedAt: LATER }), row("b", "succeeded", { startedAt: AT, finishedAt: AT })],
      OPEN,
    );
    expect(state.startedAt).toBe(AT);
    expect(state.finishedAt).toBe(LATER);
  });
});
