import { TaskerProblem, TaskerUnreachable } from "./errors";
import { backoffMs, pauseFor } from "./pause";
import type { Problem } from "./types";

export interface ClientOptions {
  /** The API's address, with its path if it has one: `https://tasks.example/api`. */
  url: string;
  /** Sent as `Authorization: Bearer`. */
  apiKey?: string;
  /** Milliseconds after which a request without an answer is given up. @default 30000 */
  timeoutMs?: number;
  /** Repetitions after the first try. @default 5 */
  retries?: number;
  /** Milliseconds before the second try; doubles, with jitter, up to 8 s. @default 250 */
  backoffMs?: number;
  /** Added to every request. */
  headers?: Record<string, string>;
  /** Another implementation of fetch. @default the global one */
  fetch?: typeof fetch;
  /** Another JSON codec, for numbers that a double cannot hold. @default JSON */
  json?: JsonCodec;
}

export interface JsonCodec {
  /** Throws for what is not JSON. */
  parse(text: string): unknown;
  stringify(value: unknown): string | undefined;
}

export interface Call {
  method?: "GET" | "POST" | "DELETE";
  /** Segments of the path; each is encoded. */
  path: readonly string[];
  query?: Record<string, string | number | boolean | readonly string[] | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Overrides the client's, for an answer that the server holds on purpose. */
  timeoutMs?: number;
  /**
   * safe: may always be repeated (reads, and requests with an identifier) · refused: only if the
   * server did nothing (429, 503 overloaded) · never. @default safe
   */
  repeat?: "safe" | "refused" | "never";
  /** Further statuses that are an answer, not a problem. */
  accept?: readonly number[];
}

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

const MAX_BACKOFF_MS = 8_000;
/** A longer `Retry-After` ends the call. */
const MAX_RETRY_AFTER_S = 60;

/**
 * Sends requests. Repeats them on a broken connection, 429 and 502 to 504, with jittered pauses,
 * honouring Retry-After. Rejects with TaskerProblem, TaskerUnreachable, or the reason of an aborted
 * `signal`.
 */
export class Http {
  readonly base: string;
  readonly json: JsonCodec;

  constructor(private readonly options: ClientOptions) {
    this.json = options.json ?? JSON;
    this.base = new URL(options.url).href.replace(/[?#].*$/, "").replace(/\/+$/, "");
  }

  url(path: readonly string[], query: Call["query"] = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      search.set(name, Array.isArray(value) ? value.join(",") : String(value));
    }
    const text = search.toString();
    return `${this.base}/${path.map(segment).join("/")}${text ? `?${text}` : ""}`;
  }

  async call(call: Call): Promise<Answer> {
    const most = call.repeat === "never" ? 0 : (this.options.retries ?? 5);
    for (let tries = 1; ; tries++) {
      let pauseS: number | null = null;
      try {
        const answer = await this.once(call);
        const problem = problemOf(answer, call);
        if (!problem) return answer;
        if (tries > most || !mayRepeat(problem, call) || (problem.retryAfter ?? 0) > MAX_RETRY_AFTER_S) throw problem;
        pauseS = problem.retryAfter;
      } catch (error) {
        if (error instanceof TaskerProblem) throw error;
        call.signal?.throwIfAborted();
        const broken = call.repeat === undefined || call.repeat === "safe";
        if (tries > most || !broken) throw new TaskerUnreachable(this.base, tries, error);
      }
      const waitMs = backoffMs(tries, this.options.backoffMs ?? 250, MAX_BACKOFF_MS);
      await pauseFor((pauseS ?? 0) * 1000 + waitMs, call.signal);
    }
  }

  /**
   * A response whose body the caller reads as it arrives. Not repeated; limited only by `signal`.
   */
  async stream(call: Call): Promise<Response> {
    const init: RequestInit = { headers: this.headers(call) };
    if (call.signal) init.signal = call.signal;
    let response: Response;
    try {
      response = await this.fetch(this.url(call.path, call.query), init);
    } catch (error) {
      call.signal?.throwIfAborted();
      throw new TaskerUnreachable(this.base, 1, error);
    }
    if (response.ok) return response;
    const answer = { status: response.status, headers: response.headers, body: this.parse(await response.text()) };
    throw problemOf(answer, call)!;
  }

  private async once(call: Call): Promise<Answer> {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? this.options.timeoutMs ?? 30_000);
    const init: RequestInit = {
      method: call.method ?? "GET",
      headers: this.headers(call),
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
    };
    if (call.body !== undefined) init.body = this.json.stringify(call.body);
    const response = await this.fetch(this.url(call.path, call.query), init);
    return { status: response.status, headers: response.headers, body: this.parse(await response.text()) };
  }

  /** The text itself where it is not JSON. */
  parse(text: string): unknown {
    if (text === "") return null;
    try {
      return this.json.parse(text);
    } catch {
      return text;
    }
  }

  private headers(call: Call): Record<string, string> {
    const headers: Record<string, string> = { accept: "application/json", ...this.options.headers, ...call.headers };
    if (this.options.apiKey) headers.authorization = `Bearer ${this.options.apiKey}`;
    if (call.body !== undefined) headers["content-type"] = "application/json";
    return headers;
  }

  private fetch(url: string, init: RequestInit): Promise<Response> {
    // Called as a plain function: a browser's fetch refuses any receiver but its window.
    const fetch = this.options.fetch ?? globalThis.fetch;
    return fetch(url, init);
  }
}

/** A segment of a path. The URL would resolve "." and "..", so they are refused. */
function segment(text: string): string {
  if (text === "" || text === "." || text === "..")
    throw new TypeError(`${JSON.stringify(text)} cannot stand in a path`);
  return encodeURIComponent(text);
}

function problemOf(answer: Answer, call: Call): TaskerProblem | null {
  if (call.accept?.includes(answer.status)) return null;
  if (answer.status >= 200 && answer.status < 300) {
    if (answer.body !== null && typeof answer.body === "object") return null;
    // A login page or a parked domain answers 200 as well.
    return new TaskerProblem({
      status: answer.status,
      code: "not_tasker",
      detail: "The answer is not JSON: something other than tasker, or a proxy, answered at this address",
    });
  }
  const body = answer.body as Partial<Problem> | null;
  const own = body !== null && typeof body === "object" && typeof body.code === "string";
  const problem: Problem = own
    ? ({ ...body, status: answer.status } as Problem)
    : {
        status: answer.status,
        code: `http_${answer.status}`,
        detail: `The server, or a proxy before it, answered ${answer.status}`,
      };
  return new TaskerProblem(problem, {
    retryAfter: seconds(answer.headers.get("retry-after")),
    location: answer.headers.get("location"),
  });
}

function mayRepeat(problem: TaskerProblem, call: Call): boolean {
  if (problem.status === 429) return true;
  if (call.repeat === "refused") return problem.code === "overloaded";
  return problem.status === 502 || problem.status === 503 || problem.status === 504;
}

/** Retry-After: seconds, or a date. */
function seconds(text: string | null): number | null {
  if (text === null) return null;
  if (/^\d+$/.test(text.trim())) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
