import { setTimeout as sleep } from "node:timers/promises";
import { type Json, type Payload, PermanentFailure, type TaskContext } from "tasker";

/**
 * The smallest handler: returns what it was given and says which endpoint answered. For demonstrations the payload may hold
 *   wait_ms  take this long (milliseconds), reporting progress; ends early when the task is cancelled or times out
 *   fail     true: fail each attempt · a number n: fail the first n attempts · "permanent": fail, and let nobody try again
 */
export async function handleTask(payload: Payload, context: TaskContext): Promise<Json> {
  if (typeof payload.wait_ms === "number" && payload.wait_ms > 0) await waitFor(payload.wait_ms, context);

  const { fail } = payload;
  if (fail === "permanent") throw new PermanentFailure("noop was asked to fail for good");
  if (fail === true || (typeof fail === "number" && context.attempt <= fail)) {
    throw new Error(`noop was asked to fail (attempt ${context.attempt} of ${context.attempts})`);
  }
  return { endpoint: context.endpoint, payload };
}

async function waitFor(ms: number, context: TaskContext): Promise<void> {
  const steps = Math.min(1000, Math.max(1, Math.round(ms / 100)));
  for (let step = 0; step < steps; step++) {
    context.progress(step / steps, `${Math.round((ms * step) / steps)} of ${ms} ms`);
    await sleep(ms / steps, undefined, { signal: context.signal });
  }
  context.progress(1, `${ms} of ${ms} ms`);
}
