import { unlink } from "node:fs/promises";
import { backoffMs, pause, RECONNECT } from "../../backoff";
import { StoreUnavailable } from "../../errors";
import type { AttemptEnd, EndAnswer } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import type { ManagerContext } from "../context";
import type { Subscriptions } from "../intake/subscriptions";
import type { Registration } from "../lifecycle/registration";
import { bareEnd, notStorable } from "./outcome";
import { leftovers, readSpool, type Spool } from "./spool";

const SIZE = 100;
const HOLD = "finished work waits for the store";
/** After this many errors at an end alone, while the store is there, it counts as refused. */
const MAX_FAULTS = 20;

/** An end that the store has not answered for. */
interface PendingEnd {
  end: AttemptEnd;
  /** Monotonic milliseconds. */
  since: number;
  spooled: boolean;
  /** How often the store has thrown at this end alone. */
  faults: number;
  /** How often the end has been replaced after a refusal. */
  refusals: number;
  resolve(answer: EndAnswer): void;
}

/**
 * Ended → committed. Ends that are adjacent in time share one call; one call is under way at a
 * time.
 *
 * Nothing that has ended is ever dropped: an end stays in memory until the store has answered for
 * it. If that takes longer than about a second, all that waits is also appended to the spool, and
 * consuming is held until the store has taken everything. If the disk refuses too, memory alone
 * holds the ends; with consuming held it cannot grow.
 */
export class Completer {
  private ends: PendingEnd[] = [];
  private working = false;
  private spooling: NodeJS.Timeout | null = null;
  private spoolUsed = false;
  private warned = false;
  private onEmpty: Array<() => void> = [];

  constructor(
    private readonly context: ManagerContext,
    private readonly spool: Spool,
    private readonly subscriptions: Pick<Subscriptions, "hold" | "unhold">,
    private readonly registration: Pick<Registration, "doubt">,
  ) {}

  /** Ends that the store has not answered for. */
  get pending(): number {
    return this.ends.length;
  }

  /**
   * Resolves once the store has answered: committed, or superseded for the record. Never rejects.
   */
  finish(end: AttemptEnd, spooled = false): Promise<EndAnswer> {
    return new Promise((resolve) => {
      this.ends.push({ end, since: performance.now(), spooled, faults: 0, refusals: 0, resolve });
      this.spooling ??= setTimeout(() => void this.toSpool(), this.context.pace.spoolAfterMs);
      if (this.working) return;
      this.working = true;
      // One turn of the loop: what ends together is committed together.
      setImmediate(() => void this.work());
    });
  }

  /**
   * Hands over what earlier managers of this endpoint left. Resolves when the store has taken it
   * all.
   */
  async replay(folder: string): Promise<void> {
    const { endpoint, config, log, counters } = this.context;
    for (const file of await leftovers(folder, config.manager.slot)) {
      const { ends, torn } = await readSpool(file);
      log.info({ endpoint, file, ends: ends.length, torn }, "taking over finished work that an earlier manager left");
      await Promise.all(ends.map((end) => this.finish(end, true)));
      counters.replayed += ends.length;
      await unlink(file);
    }
  }

  /**
   * Resolves true when nothing is pending, false after `ms`; what is pending then is in the spool,
   * if the disk takes it.
   */
  async flush(ms: number): Promise<boolean> {
    if (this.ends.length > 0) {
      const empty = new Promise<void>((resolve) => this.onEmpty.push(resolve));
      await Promise.race([empty, pause(ms)]);
      await this.append(this.ends.filter((pending) => !pending.spooled));
    }
    return this.ends.length === 0;
  }

  async close(): Promise<void> {
    if (this.spooling) clearTimeout(this.spooling);
    this.spooling = null;
    await this.spool.close(this.ends.length === 0).catch((error) => this.warnSpool(error));
  }

  private async work(): Promise<void> {
    for (let tries = 1; this.ends.length > 0 && !this.context.over.aborted; ) {
      const batch = this.ends.slice(0, SIZE);
      const away = await this.commit(batch);
      if (away === null) {
        tries = 1;
        continue;
      }
      if (tries % 20 === 1)
        this.context.log.warn(
          { endpoint: this.context.endpoint, err: away.message },
          "cannot commit finished work now; it is kept",
        );
      await pause(backoffMs(tries++, RECONNECT), this.context.over);
    }
    this.working = false;
    if (this.ends.length === 0) await this.emptied();
  }

  /** Null: the store has answered for at least one of them. */
  private async commit(batch: PendingEnd[]): Promise<Error | null> {
    try {
      killPoint("before-finish-commit");
      this.context.counters.finishCalls++;
      const answers = await this.context.store.finish(batch.map((pending) => pending.end));
      killPoint("after-finish-commit");
      batch.forEach((pending, i) => void this.answered(pending, answers[i]!));
      return null;
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        this.registration.doubt();
        return error;
      }
      return this.oneByOne(batch, error as Error);
    }
  }

  /** The store is there but throws: it may be one row, which must not hold up its neighbours. */
  private async oneByOne(batch: PendingEnd[], thrown: Error): Promise<Error | null> {
    if (batch.length === 1) {
      const pending = batch[0]!;
      if (++pending.faults >= MAX_FAULTS) this.answered(pending, { kind: "refused", error: thrown });
      else this.ends.push(...this.ends.splice(this.ends.indexOf(pending), 1));
      return thrown;
    }
    let failed: Error | null = thrown;
    for (const pending of batch) {
      const error = await this.commit([pending]);
      if (error === null) failed = null;
      if (error instanceof StoreUnavailable) return error;
    }
    return failed;
  }

  private answered(pending: PendingEnd, answer: EndAnswer): void {
    if (answer.kind === "refused" && pending.refusals < 2) {
      const why = answer.error.message;
      this.context.log.warn(
        { task_id: pending.end.taskId, endpoint: this.context.endpoint, err: why },
        "the store cannot keep a result",
      );
      if (pending.refusals === 0) this.context.counters.notStorable++;
      pending.end = pending.refusals++ === 0 ? notStorable(pending.end, why) : bareEnd(pending.end);
      pending.faults = 0;
      return;
    }
    this.ends.splice(this.ends.indexOf(pending), 1);
    pending.resolve(answer);
  }

  private async toSpool(): Promise<void> {
    this.spooling = null;
    const now = performance.now();
    const late = this.ends.length > 0 && now - this.ends[0]!.since >= this.context.pace.spoolAfterMs * 0.9;
    if (late) await this.append(this.ends.filter((pending) => !pending.spooled));
    if (this.ends.length > 0 && !this.context.over.aborted) {
      this.spooling ??= setTimeout(() => void this.toSpool(), late ? 200 : this.context.pace.spoolAfterMs);
    }
  }

  private async append(batch: PendingEnd[]): Promise<void> {
    if (this.ends.length > 0) void this.subscriptions.hold(HOLD);
    if (batch.length === 0) return;
    try {
      this.spoolUsed = true;
      await this.spool.append(batch.map((pending) => pending.end));
      for (const pending of batch) pending.spooled = true;
      this.context.counters.spooled += batch.length;
    } catch (error) {
      this.warnSpool(error as Error);
    }
  }

  private async emptied(): Promise<void> {
    if (this.spoolUsed) {
      this.spoolUsed = false;
      await this.spool.clear().catch((error) => this.warnSpool(error));
    }
    if (this.ends.length > 0) return;
    this.warned = false;
    this.subscriptions.unhold(HOLD);
    for (const resolve of this.onEmpty.splice(0)) resolve();
  }

  private warnSpool(error: Error): void {
    if (this.warned) return;
    this.warned = true;
    const fields = { endpoint: this.context.endpoint, file: this.spool.file, err: error.message };
    this.context.log.warn(
      fields,
      "cannot write the spool; finished work is kept in memory and nothing new is taken until the store has it",
    );
  }
}
