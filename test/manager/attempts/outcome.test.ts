import { Attempt } from "../../../src/manager/attempts/attempt";
import { bareEnd, notStorable, type OutcomePolicy, outcomeOf } from "../../../src/manager/attempts/outcome";
import { JobSlots } from "../../../src/manager/intake/job-slots";
import type { Reports } from "../../../src/manager/reports/reports";
import type { Runner, RunResult } from "../../../src/manager/runners/runner";
import { deliveryOf, endOf, grantOf, typeConfig } from "../support";

const policy: OutcomePolicy = {
  cause: null,
  draining: false,
  backoff: { firstMs: 1000, factor: 2, maxMs: 60_000 },
  maxResultBytes: 100,
};
const failed = (more: Partial<Extract<RunResult, { kind: "failed" }>> = {}): RunResult => ({
  kind: "failed",
  reason: "error",
  error: "it broke",
  permanent: false,
  result: null,
  resultText: null,
  ...more,
});
const stopped: RunResult = { kind: "stopped", killed: false };

test("a success is written with its result", () => {
  expect(outcomeOf(grantOf(), { kind: "succeeded", result: "{}", resultText: "t" }, policy)).toEqual({
    ...{ status: "succeeded", reason: null, error: null, result: "{}", resultText: "t" },
  });
});

test("an outcome is written under its lease, with its claim where there was none", () => {
  const grant = grantOf({ job: "crawl", attempt: 2, generation: 3 });
  const { taskId, endpoint, job, leaseId, generation, attempt } = grant;
  const lease = { taskId, endpoint, job, leaseId, generation, attempt };
  const outcome = outcomeOf(grant, stopped, policy)!;
  const [task] = deliveryOf(() => undefined, [{ taskId }]);
  const slots = new JobSlots(typeConfig("noop"), job, {} as Runner, () => undefined);
  const reports = {} as Reports;
  expect(new Attempt(task!, grant, slots, reports).endWith(outcome)).toEqual({ ...lease, ...outcome });
  const claim = { managerId: "m", performer: "here", type: "noop", ranMs: expect.any(Number) };
  expect(new Attempt(task!, grant, slots, reports, "m").endWith(outcome)).toEqual({ ...lease, ...outcome, claim });
});

test("a result that is no JSON is never written, whoever gave it", () => {
  for (const result of ["hacked", "", "1,2", '{}],"x":[{}']) {
    expect(outcomeOf(grantOf({}), { kind: "succeeded", result, resultText: null }, policy)).toMatchObject({
      status: "failed",
      reason: "result_not_json",
      result: null,
      resultText: result,
    });
    const end = outcomeOf(grantOf({ attempt: 1, attempts: 3 }), failed({ result }), policy);
    expect(end).toMatchObject({ status: "retrying", reason: "error", result: null, resultText: result });
    expect(end!.error).toMatch(/^it broke\n/);
  }
});

test("a failure with attempts left is retried after a delay, the last one is final", () => {
  expect(outcomeOf(grantOf({ attempt: 2, attempts: 3 }), failed(), policy)).toMatchObject({
    status: "retrying",
    reason: "error",
    error: "it broke",
    retryInMs: expect.any(Number),
  });
  const last = outcomeOf(grantOf({ attempt: 3, attempts: 3 }), failed({ result: "{}" }), policy);
  expect(last).toMatchObject({ status: "failed", reason: "error", result: "{}" });
  expect(last).not.toHaveProperty("retryInMs");
});

test("what was called may ask for a longer pause, up to the longest that the type allows", () => {
  const pause = (retryAfterMs: number) =>
    outcomeOf(grantOf({ attempt: 1, attempts: 3 }), failed({ retryAfterMs }), policy);
  expect(pause(20_000)).toMatchObject({ status: "retrying", retryInMs: 20_000 });
  expect(pause(86_400_000)).toMatchObject({ retryInMs: 60_000 });
  expect(pause(0)!.retryInMs).toBeGreaterThanOrEqual(500);
});

test("a permanent failure ends the attempts at once", () => {
  expect(outcomeOf(grantOf(), failed({ permanent: true }), policy)).toMatchObject({ status: "failed" });
});

test("cancelled is said when the handler has really stopped, with how it stopped", () => {
  const cancel = { ...policy, cause: "cancel" } as const;
  expect(outcomeOf(grantOf(), stopped, cancel)).toMatchObject({
    status: "cancelled",
    reason: "cancelled",
    error: expect.stringContaining("stopped"),
  });
  expect(outcomeOf(grantOf(), { kind: "stopped", killed: true }, cancel)).toMatchObject({
    status: "cancelled",
    reason: "killed",
    error: expect.stringContaining("killed"),
  });
  expect(outcomeOf(grantOf(), failed(), cancel)).toMatchObject({
    status: "cancelled",
    error: expect.stringContaining("it broke"),
  });
});

test("a success that came before the cancel could stop it stays a success", () => {
  const result: RunResult = { kind: "succeeded", result: null, resultText: null };
  expect(outcomeOf(grantOf(), result, { ...policy, cause: "cancel" })).toMatchObject({ status: "succeeded" });
});

test("a handler that was told to stop and may still be running is not called cancelled", () => {
  const abandoned = failed({ reason: "abandoned", permanent: true });
  expect(outcomeOf(grantOf(), abandoned, { ...policy, cause: "cancel" })).toMatchObject({
    status: "failed",
    reason: "abandoned",
  });
});

test("what a drain stops is given back, also when it says so by failing", () => {
  for (const result of [stopped, failed()]) {
    expect(outcomeOf(grantOf(), result, { ...policy, cause: "drain" })).toMatchObject({ status: "received" });
  }
});

test("what a signal ends while the manager drains is given back, a failure of its own is not", () => {
  const draining = { ...policy, draining: true };
  expect(outcomeOf(grantOf(), failed({ reason: "signal" }), draining)).toMatchObject({ status: "received" });
  expect(outcomeOf(grantOf(), failed(), draining)).toMatchObject({ status: "retrying" });
});

test("nothing is written of an attempt that stopped for its lost lease; what it ended with by itself is tried", () => {
  const lost = { ...policy, cause: "lease_lost" } as const;
  expect(outcomeOf(grantOf(), stopped, lost)).toBeNull();
  expect(outcomeOf(grantOf(), { kind: "succeeded", result: "1", resultText: null }, lost)).toMatchObject({
    status: "succeeded",
  });
});

test("a result over the limit fails the attempt for good and shows its beginning", () => {
  const result = JSON.stringify("é".repeat(5000));
  expect(outcomeOf(grantOf(), { kind: "succeeded", result, resultText: null }, policy)).toMatchObject({
    status: "failed",
    reason: "result_too_large",
    result: null,
    error: expect.stringContaining("10002 bytes"),
    resultText: expect.stringMatching(/^"é+… \(4002 more characters are left out\)$/),
  });
});

test("a failure keeps its own reason when its output is too large", () => {
  const ending = outcomeOf(grantOf(), failed({ permanent: true, resultText: "x".repeat(200) }), policy);
  expect(ending).toMatchObject({ status: "failed", reason: "error", error: expect.stringContaining("it broke\n") });
});

test("a preview never cuts a character in half and holds no NUL", () => {
  const text = `\0${"x".repeat(998)}😀${"y".repeat(200)}`;
  const preview = outcomeOf(grantOf(), { kind: "succeeded", result: text, resultText: null }, policy)!.resultText!;
  expect(preview.isWellFormed()).toBe(true);
  expect(preview).not.toContain("\0");
});

test("an endless error text is shortened and says so", () => {
  const ending = outcomeOf(grantOf(), failed({ error: "e".repeat(20_000_000) }), policy)!;
  expect(ending.error!.length).toBeLessThan(17_000);
  expect(ending.error).toContain("more characters are left out");
});

test("what the database refuses becomes a failure with a preview, and at last one without", () => {
  const refused = notStorable(endOf(), "Data too long");
  expect(refused).toMatchObject({
    status: "failed",
    reason: "result_not_storable",
    result: null,
    resultText: '{"ok":true}',
    error: expect.stringContaining("Data too long"),
  });
  expect(bareEnd(refused)).toMatchObject({ status: "failed", resultText: null, result: null });
  expect(bareEnd(endOf({ status: "retrying", retryInMs: 5 }))).toMatchObject({ status: "retrying", retryInMs: 5 });
});
