import type { Log } from "../log";
import type { AccessStore, AuditEntry } from "../store/store";

const FLUSH_MS = 500;
const MAX_WAITING = 20_000;
const MAX_BATCH = 500;
/** Ids kept of the creates in one row. */
const MAX_IDS = 20;

/**
 * Who changed what, from where. Entries are written after the answers, in batches. Creates of one
 * caller within one flush become one row with their number and first ids (each task's row names its
 * creator anyway). Every other change has a row of its own.
 */
export class Audit {
  private waiting: AuditEntry[] = [];
  private creates = new Map<string, { entry: AuditEntry; ids: string[]; count: number }>();
  private dropped = 0;
  private flushing: Promise<void> | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly access: AccessStore,
    private readonly log: Log,
  ) {
    this.timer = setInterval(() => void this.flush(), FLUSH_MS).unref();
  }

  add(entry: AuditEntry): void {
    if (this.waiting.length < MAX_WAITING) this.waiting.push(entry);
    else this.dropped++;
  }

  created(actor: string | null, remote: string | null, type: string, id: string): void {
    const key = `${type}|${remote}|${actor}`;
    const known = this.creates.get(key);
    if (known) {
      known.count++;
      if (known.ids.length < MAX_IDS) known.ids.push(id);
    } else {
      const entry = { actor, action: "task.create", taskId: null, type, detail: {}, remote };
      this.creates.set(key, { entry, ids: [id], count: 1 });
    }
  }

  flush(): Promise<void> {
    this.flushing ??= this.write().finally(() => {
      this.flushing = null;
    });
    return this.flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flushing;
    await this.flush();
  }

  private async write(): Promise<void> {
    for (const { entry, ids, count } of this.creates.values()) {
      this.add(count === 1 ? { ...entry, taskId: ids[0]! } : { ...entry, detail: { count, ids } });
    }
    this.creates.clear();
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, MAX_BATCH);
      try {
        await this.access.audit(batch);
      } catch (error) {
        // Kept for the next flush; beyond MAX_WAITING the newest are dropped and counted.
        this.log.warn({ err: error, waiting: this.waiting.length }, "The audit trail cannot be written at the moment");
        return;
      }
      this.waiting = this.waiting.slice(batch.length);
    }
    if (this.dropped > 0)
      this.log.error({ dropped: this.dropped }, "Audit entries were lost while the database was away");
    this.dropped = 0;
  }
}
