import type { LookupFunction } from "node:net";
import type { PerformerConfig } from "../../../config/config";
import { type ExactJsonObject, parseExact } from "../../../model/json/exact-json";
import type { Grant } from "../../../store/store";
import { failure } from "../outcome";
import type { RunHooks, Runner, RunResult } from "../runner";
import type { RunnerOptions } from "../runner-options";
import { timerMs } from "../timer";
import { HostGuard } from "./guard";
import { guardedConnect } from "./http-connect";
import { follow } from "./http-follow";
import { failureOf, judged } from "./http-outcome";
import { type HttpRequest, readRequest } from "./http-request";

type HttpConfig = Extract<PerformerConfig, { kind: "http" }>;

/**
 * Performs a type by an HTTP call that the payload describes. Result, of success and of failure by
 * status alike:
 *   {"status", "headers", "body" | "body_base64", "body_truncated", "url", "redirects",
 *   "duration_ms"}, and where they are true
 *   "body_unpacked" and "headers_truncated".
 * A status that is no success is `http_status` and attempted again by the type's policy, 4xx too: a
 * target that is being deployed answers 404 or 401 for a moment. A type for which that is no use
 * sets `attempts: 1`.
 */
export function httpRunner(config: HttpConfig, options: RunnerOptions, lookup?: LookupFunction): Runner {
  const guard = new HostGuard(config.allowHosts);
  const connect = guardedConnect(guard, lookup);
  const limits = { ...config, maxResultBytes: options.maxResultBytes };

  async function run(grant: Grant, hooks: RunHooks): Promise<RunResult> {
    if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
    const timeoutMs = Math.min(grant.timeoutMs, config.timeoutMs ?? grant.timeoutMs);
    const ending = new AbortController();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      ending.abort();
    }, timerMs(timeoutMs));
    hooks.stop.listen(() => ending.abort());
    let first: HttpRequest | null = null;
    try {
      first = readRequest(parseExact(grant.payload) as ExactJsonObject, grant);
      const log = (text: string) => hooks.log(text);
      const followed = await follow(first, { guard, connect, limits, signal: ending.signal, log });
      return judged(config.successStatuses, followed);
    } catch (error) {
      if (timedOut) return failure("timeout", `The HTTP call was not answered in full within ${timeoutMs} ms.`);
      if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
      return failureOf(error, first);
    } finally {
      clearTimeout(timer);
      hooks.stop.listen(null);
    }
  }

  // Each attempt has a connection of its own and ends it: nothing is left to close.
  return { run, close: async () => {} };
}
