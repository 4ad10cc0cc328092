import type { Log } from "./log";

/** Says once that something fails, and once that it goes well again, however often it is tried in between. */
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
