import { MemoryStore, type Options } from "express-rate-limit";
import type { ApiConfig } from "../../config/config";
import { TaskerError } from "../../errors";

/**
 * Requests counted for each key (or address, without keys) in a fixed window. express-rate-limit's
 * store does the counting. Its middleware is not used, since the routes of the API do not pass
 * through Express.
 */
export class RateLimit {
  private readonly store = new MemoryStore();
  private readonly limit: number;
  private readonly windowSeconds: number;

  constructor(config: NonNullable<ApiConfig["rateLimit"]>) {
    this.limit = config.requests;
    this.windowSeconds = Math.ceil(config.windowMs / 1000);
    this.store.init({ windowMs: config.windowMs } as Options);
  }

  /** Counts a request and adds the draft-8 headers; throws TaskerError `rate_limited`. */
  async count(who: string, headers: string[]): Promise<void> {
    const { totalHits, resetTime } = await this.store.increment(who);
    const seconds = resetTime ? Math.max(0, Math.ceil((resetTime.getTime() - Date.now()) / 1000)) : this.windowSeconds;
    headers.push(
      "RateLimit-Policy",
      `"default";q=${this.limit};w=${this.windowSeconds}`,
      "RateLimit",
      `"default";r=${Math.max(0, this.limit - totalHits)};t=${seconds}`,
    );
    if (totalHits <= this.limit) return;
    throw new TaskerError(
      "rate_limited",
      `More than ${this.limit} requests came within ${this.windowSeconds} s: wait ${seconds} s`,
      { retryAfter: seconds },
    );
  }

  close(): void {
    this.store.shutdown();
  }
}
