import type { Log } from "./log";

/** Logs a repeated failure once, and its end once. */
export class Trouble {
  private present = false;

  constructor(
    private readonly log: Log,
    private readonly says: { fails: string; over: string },
    private readonly fields: Record<string, unknown> = {},
  ) {}

  is(error: Error): void {
    if (!this.present) this.log.warn({ ...this.fields, err: error.message }, this.says.fails);
    this.present = true;
  }

  over(): void {
    if (this.present) this.log.warn(this.fields, this.says.over);
    this.present = false;
  }
}
