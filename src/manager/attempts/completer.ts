import { unlink } from "node:fs/promises";
import { backoffMs, pause, RECONNECT } from "../../backoff";
import { StoreUnavailable } from "../../errors";
import type { AttemptEnd, EndAnswer } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import type { ManagerContext } from "../context";
import { bareEnd, notStorable } from "./outcome";
import { leftovers, readSpool, type Spool } from "./spool";

const SIZE = 100;
const HOLD = "finished work waits for the store";
/** A row that the store throws at, alone and so often, without being away: it will never be taken as it is. */
const MAX_FAULTS = 20;

interface Entry {
  end: AttemptEnd;
  /** Monotonic milliseconds. */
  since: number;
  spooled: boolean;
  /** How often the store has thrown at this entry alone. */
  faults: number;
  /** How often it has been replaced after a refusal. */
  refusals: number;
  resolve(answer: EndAnswer): void;
}

/**
 * Ended → committed. Ends that are adjacent in time share one call; one call is under way at a time.
 *
 * Nothing that has ended is ever dropped: an end stays in memory until the store has answered for it. If that takes longer
 * than about a second, all that waits is also appended to the spool, and consuming is held until the store has taken
 * everything. If the disk refuses too, memory alone has to do; with consuming held it cannot grow.
 */
export class Completer {
  private entries: Entry[] = [];
  private working = false;
  private spooling: NodeJS.Timeout | null = null;
  private spoolUsed = false;
  private warned = false;
  private onEmpty: Array<() => void> = [];

  constructor(
    private readonly desk: ManagerContext,
    private readonly spool: Spool,
    private readonly holds: { hold(reason: string): void; unhold(reason: string): void },
    /** The store did not answer. */
    private readonly onAway: () => void = () => undefined,
  ) {}

  /** Ends that the store has not answered for. */
  get pending(): number {
    return this.entries.length;
  }

  /** Resolves once the store has answered: committed, or superseded for the record. Never rejects. */
  finish(end: AttemptEnd, spooled = false): Promise<EndAnswer> {
    return new Promise((resolve) => {
      this.entries.push({ end, since: performance.now(), spooled, faults: 0, refusals: 0, resolve });
      this.spooling ??= setTimeout(() => void this.toSpool(), this.desk.pace.spoolAfterMs);
      if (this.working) return;
      this.working = true;
      // One turn of the loop: what ends together is committed together.
      setImmediate(() => void this.work());
    });
  }

  /** Hands over what earlier managers of this endpoint left. Resolves when the store has taken it all. */
  async replay(folder: string): Promise<void> {
    const { endpoint, config, log, counters } = this.desk;
    for (const file of await leftovers(folder, config.manager.slot)) {
      const { ends, torn } = await readSpool(file);
      log.info({ endpoint, file, ends: ends.length, torn }, "taking over finished work that an earlier manager left");
      await Promise.all(ends.map((end) => this.finish(end, true)));
      counters.replayed += ends.length;
      await unlink(file);
    }
  }

  /** Resolves true when nothing is pending, false after `ms`; what is pending then is in the spool, if the disk takes it. */
  async flush(ms: number): Promise<boolean> {
    if (this.entries.length > 0) {
      const empty = new Promise<void>((resolve) => this.onEmpty.push(resolve));
      await Promise.race([empty, pause(ms)]);
      await this.append(this.entries.filter((entry) => !entry.spooled));
    }
    return this.entries.length === 0;
  }

  async close(): Promise<void> {
    if (this.spooling) clearTimeout(this.spooling);
    this.spooling = null;
    await this.spool.close(this.entries.length === 0).catch((error) => this.warnSpool(error));
  }

  private async work(): Promise<void> {
    for (let tries = 1; this.entries.length > 0 && !this.desk.over.aborted; ) {
      const batch = this.entries.slice(0, SIZE);
      const away = await this.commit(batch);
      if (away === null) {
        tries = 1;
        continue;
      }
      if (tries % 20 === 1)
        this.desk.log.warn(
          { endpoint: this.desk.endpoint, err: away.message },
          "cannot commit finished work now; it is kept",
        );
      await pause(backoffMs(tries++, RECONNECT), this.desk.over);
    }
    this.working = false;
    if (this.entries.length === 0) await this.emptied();
  }

  /** Null: the store has answered for at least one of them. */
  private async commit(batch: Entry[]): Promise<Error | null> {
    try {
      killPoint("before-finish-commit");
      this.desk.counters.finishCalls++;
      const answers = await this.desk.store.finish(batch.map((entry) => entry.end));
      killPoint("after-finish-commit");
      batch.forEach((entry, i) => void this.answered(entry, answers[i]!));
      return null;
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        this.onAway();
        return error;
      }
      return this.oneByOne(batch, error as Error);
    }
  }

  /** The store is there but throws: it may be one row, which must not hold up its neighbours. */
  private async oneByOne(batch: Entry[], thrown: Error): Promise<Error | null> {
    if (batch.length === 1) {
      const entry = batch[0]!;
      if (++entry.faults >= MAX_FAULTS) this.answered(entry, { kind: "refused", error: thrown });
      else this.entries.push(...this.entries.splice(this.entries.indexOf(entry), 1));
      return thrown;
    }
    let failed: Error | null = thrown;
    for (const entry of batch) {
      const error = await this.commit([entry]);
      if (error === null) failed = null;
      if (error instanceof StoreUnavailable) return error;
    }
    return failed;
  }

  private answered(entry: Entry, answer: EndAnswer): void {
    if (answer.kind === "refused" && entry.refusals < 2) {
      const why = answer.error.message;
      this.desk.log.warn(
        { task_id: entry.end.taskId, endpoint: this.desk.endpoint, err: why },
        "the store cannot keep a result",
      );
      if (entry.refusals === 0) this.desk.counters.notStorable++;
      entry.end = entry.refusals++ === 0 ? notStorable(entry.end, why) : bareEnd(entry.end);
      entry.faults = 0;
      return;
    }
    this.entries.splice(this.entries.indexOf(entry), 1);
    entry.resolve(answer);
  }

  private async toSpool(): Promise<void> {
    this.spooling = null;
    const now = performance.now();
    const late = this.entries.length > 0 && now - this.entries[0]!.since >= this.desk.pace.spoolAfterMs * 0.9;
    if (late) await this.append(this.entries.filter((entry) => !entry.spooled));
    if (this.entries.length > 0 && !this.desk.over.aborted) {
      this.spooling ??= setTimeout(() => void this.toSpool(), late ? 200 : this.desk.pace.spoolAfterMs);
    }
  }

  private async append(entries: Entry[]): Promise<void> {
    if (this.entries.length > 0) this.holds.hold(HOLD);
    if (entries.length === 0) return;
    try {
      this.spoolUsed = true;
      await this.spool.append(entries.map((entry) => entry.end));
      for (const entry of entries) entry.spooled = true;
      this.desk.counters.spooled += entries.length;
    } catch (error) {
      this.warnSpool(error as Error);
    }
  }

  private async emptied(): Promise<void> {
    if (this.spoolUsed) {
      this.spoolUsed = false;
      await this.spool.clear().catch((error) => this.warnSpool(error));
    }
    if (this.entries.length > 0) return;
    this.warned = false;
    this.holds.unhold(HOLD);
    for (const resolve of this.onEmpty.splice(0)) resolve();
  }

  private warnSpool(error: Error): void {
    if (this.warned) return;
    this.warned = true;
    const fields = { endpoint: this.desk.endpoint, file: this.spool.file, err: error.message };
    this.desk.log.warn(
      fields,
      "cannot write the spool; finished work is kept in memory and nothing new is taken until the store has it",
    );
  }
}
