import type { LookupFunction } from "node:net";
import { type Dispatcher, request as send } from "undici";
import type { PerformerConfig } from "../../config/config";
import type { JsonObject } from "../../model/json";
import { HostGuard } from "./guard";
import { type HttpAnswer, readAnswer } from "./http-answer";
import { guardedAgent, HostRefused } from "./http-connect";
import { type HttpRequest, readRequest, redirected } from "./http-request";
import { describeError, failure } from "./outcome";
import type { RunHooks, Runner, RunResult, Work } from "./runner";
import type { RunnerOptions } from "./runner-options";
import { InvalidPayload } from "./template";
import { cleanText, shortText } from "./text";
import { timerMs } from "./timer";

type HttpConfig = Extract<PerformerConfig, { kind: "http" }>;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Performs a type by an HTTP call that the payload describes. Result, of success and of failure by status alike:
 *   {"status", "headers", "body" | "body_base64", "body_truncated", "url", "redirects", "duration_ms"}
 * A status that is no success is `http_status` and attempted again by the type's policy, 4xx too: a target that is being
 * deployed answers 404 or 401 for a moment, and whoever knows better sets `attempts: 1`.
 */
export function httpRunner(config: HttpConfig, options: RunnerOptions, lookup?: LookupFunction): Runner {
  const guard = new HostGuard(config.allowHosts);
  const agent = guardedAgent(guard, lookup);

  async function run(work: Work, hooks: RunHooks): Promise<RunResult> {
    if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
    const timeoutMs = Math.min(work.timeoutMs, config.timeoutMs ?? work.timeoutMs);
    const ending = new AbortController();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      ending.abort();
    }, timerMs(timeoutMs));
    hooks.stop.listen(() => ending.abort());
    try {
      const first = readRequest(JSON.parse(work.payload) as JsonObject, work);
      return await follow(first, ending.signal, hooks);
    } catch (error) {
      if (timedOut) return failure("timeout", `The HTTP call was not answered in full within ${timeoutMs} ms.`);
      if (hooks.stop.cause !== null) return { kind: "stopped", killed: false };
      return failed(error);
    } finally {
      clearTimeout(timer);
      hooks.stop.listen(null);
    }
  }

  async function follow(first: HttpRequest, signal: AbortSignal, hooks: RunHooks): Promise<RunResult> {
    const startedAt = performance.now();
    let request = first;
    for (let redirects = 0; ; redirects++) {
      const refused = guard.refusesUrl(request.url);
      if (refused !== null) throw new HostRefused(refused);
      const response = await send(request.url, {
        dispatcher: agent,
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: request.body,
        signal,
      });
      // A body that is given up is an error to its stream, and nobody's concern.
      response.body.on("error", () => {});
      const status = response.statusCode;
      hooks.log(`${request.method} ${request.url.origin}${request.url.pathname} answered ${status}\n`);
      const { location } = response.headers;
      if (REDIRECTS.has(status) && typeof location === "string" && !isSuccess(status) && config.maxRedirects > 0) {
        response.body.destroy();
        const next = redirected(request, status, location);
        if (next === null)
          return failure("bad_redirect", `The redirect of ${request.url.origin} leads nowhere usable.`);
        if (redirects === config.maxRedirects) return tooMany(redirects);
        request = next;
        continue;
      }
      const facts = { url: request.url.href, redirects, startedAt };
      const answer = await readAnswer(response, facts, { ...options, maxBodyBytes: config.maxBodyBytes });
      return judge(request, status, answer);
    }
  }

  function judge(request: HttpRequest, status: number, answer: HttpAnswer): RunResult {
    if (isSuccess(status)) return { kind: "succeeded", result: answer.json, resultText: null };
    const start = answer.start === "" ? "" : ` Its answer begins: ${shortText(answer.start, 300)}`;
    const { origin, pathname } = request.url;
    const error = cleanText(`${request.method} ${origin}${pathname} answered ${status}.${start}`);
    return failure("http_status", error, { result: answer.json });
  }

  function isSuccess(status: number): boolean {
    if (config.successStatuses.length === 0) return status >= 200 && status < 300;
    return config.successStatuses.includes(status);
  }

  return { run, close: () => agent.destroy() };
}

function tooMany(redirects: number): RunResult {
  return failure("too_many_redirects", `Gave up after ${redirects} redirects (http.max_redirects).`);
}

function failed(error: unknown): RunResult {
  if (error instanceof InvalidPayload) return failure("invalid_payload", error.message, { permanent: true });
  const refused = [error, (error as Error)?.cause].find((one) => one instanceof HostRefused) as HostRefused | undefined;
  if (refused) return failure("host_refused", refused.message, { permanent: true });
  const { code, message } = error as NodeJS.ErrnoException;
  const said = message === "" || message === undefined ? describeError(error) : message;
  return failure("connection_failed", cleanText(`The HTTP call failed: ${said}${code ? ` (${code})` : ""}`));
}
