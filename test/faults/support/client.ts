import { randomUUID } from "node:crypto";
import type { Scenario } from "./scene";

export interface LoggedRequest {
  type: string;
  identifier: string;
  endpoints: string[];
  /** HTTP status; 0: no answer came. */
  status: number;
  /** The problem's code, of an answer that is none of 2xx. */
  code: string | null;
  taskId: string | null;
  ms: number;
  /** When the answer came, milliseconds since 1970. */
  at: number;
}

/** Sends tasks and remembers every request and answer: attempted ⊇ accepted (2xx). */
export class Client {
  readonly log: LoggedRequest[] = [];

  constructor(private readonly stage: Scenario) {}

  get accepted(): LoggedRequest[] {
    return this.log.filter((entry) => entry.status >= 200 && entry.status < 300);
  }

  /** How often each status was answered. */
  get statuses(): Record<number, number> {
    const counts: Record<number, number> = {};
    for (const { status } of this.log) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  async submit(endpoints: string[], payload: object = {}, more: object = {}, type = "work"): Promise<LoggedRequest> {
    const identifier = randomUUID();
    const began = performance.now();
    const entry: LoggedRequest = { type, identifier, endpoints, status: 0, code: null, taskId: null, ms: 0, at: 0 };
    this.log.push(entry);
    try {
      const answer = await fetch(`${this.stage.url}/${type}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ identifier, endpoints, payload, ...more }),
        signal: AbortSignal.timeout(15_000),
      });
      const body = (await answer.json()) as { id?: string; code?: string };
      entry.status = answer.status;
      entry.taskId = answer.ok ? (body.id ?? null) : null;
      entry.code = body.code ?? null;
    } catch {
      // No answer: the request may or may not have been stored. It counts as attempted, not as accepted.
    }
    entry.ms = performance.now() - began;
    entry.at = Date.now();
    return entry;
  }

  /** `count` tasks, `width` at a time. */
  async burst(count: number, endpoints: string[], payload: object = {}, width = 20): Promise<void> {
    let left = count;
    const lane = async () => {
      while (left-- > 0) await this.submit(endpoints, payload);
    };
    await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  }

  /** A steady load until `stop` is called, at about `rate` tasks a second. */
  load(rate: number, endpoints: string[], payload: object = {}): { stop(): Promise<void> } {
    const open = new Set<Promise<unknown>>();
    const timer = setInterval(() => {
      if (open.size > 200) return;
      const request = this.submit(endpoints, payload).finally(() => open.delete(request));
      open.add(request);
    }, 1000 / rate);
    return {
      async stop() {
        clearInterval(timer);
        await Promise.all(open);
      },
    };
  }
}
