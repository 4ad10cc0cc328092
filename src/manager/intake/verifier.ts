import { StoreUnavailable } from "../../errors";
import type { Log } from "../../log";
import { decodeMessage, type KnownTask, knownTasks, type TaskMessage } from "../../model/message";
import type { ManagerStore } from "../../store/store";

/** A message as it was read. It may be another endpoint's as well, and is never changed. */
export interface Opened {
  message: TaskMessage;
  /** What it tells of its tasks, in their order; null: nothing that could be trusted. */
  known: Array<KnownTask | null> | null;
}

/** What goes to many endpoints comes to each of a process one after the other, and is read once, if it can be trusted. */
let last: { body: string; key: string; opened: Opened } | null = null;

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

  /** Throws UnreadableMessage. */
  open(body: string): Opened {
    const { key } = this;
    if (last !== null && last.body === body && last.key === key) return last.opened;
    const message = decodeMessage(body);
    const opened = { message, known: knownTasks(body, message, key) };
    if (opened.known === null) this.wanted = true;
    else last = { body, key: key!, opened };
    return opened;
  }
}
