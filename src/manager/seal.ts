import { StoreUnavailable } from "../errors";
import type { Log } from "../log";
import { type KnownTask, knownTasks, type TaskMessage } from "../model/message";
import type { ManagerStore } from "../store/store";

/**
 * The key by which a manager knows messages that the API has written. Without it, or where it does not fit, a claim asks the
 * store for the task; so a missing or exchanged key costs a statement and nothing else. It is read again at the next beat.
 */
export class Seal {
  private key: string | null = null;
  private wanted = true;

  constructor(
    private readonly store: ManagerStore,
    private readonly log: Log,
  ) {}

  /** Reads the key if there is need to; rejects with StoreUnavailable. */
  async refresh(): Promise<void> {
    if (!this.wanted) return;
    try {
      this.key = await this.store.messageKey();
      this.wanted = this.key === null;
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      // A database user from before there was a key may not read it.
      this.wanted = false;
      const hint =
        "cannot read the key of messages, claims ask the store for every task; `npx tasker initialize` grants the right";
      this.log.warn({ err: (error as Error).message }, hint);
    }
  }

  /** What the message tells of its tasks, in their order; null: nothing that could be trusted. */
  open(body: string, message: TaskMessage): Array<KnownTask | null> | null {
    const known = knownTasks(body, message, this.key);
    if (known === null) this.wanted = true;
    return known;
  }
}
