import { StoreUnavailable } from "../../errors";
import type { Log } from "../../log";
import { decodeMessage, type KnownTask, knownTasks, type TaskMessage } from "../../model/message";
import type { ManagerStore } from "../../store/store";

/**
 * A message as it was read. Other endpoints of the process may share it, so it is never changed.
 */
export interface ReadMessage {
  message: TaskMessage;
  /** What it says of its tasks, in their order; null: nothing that could be trusted. */
  known: Array<KnownTask | null> | null;
}

/**
 * Reads messages for all managers of a process. What goes to many endpoints comes to each manager
 * one after the other, and is read once if it can be trusted.
 */
export class MessageReader {
  private last: { body: string; key: string; read: ReadMessage } | null = null;

  /** Throws UnreadableMessage. */
  read(body: string, key: string | null): ReadMessage {
    if (this.last !== null && this.last.body === body && this.last.key === key) return this.last.read;
    const message = decodeMessage(body);
    const read = { message, known: knownTasks(body, message, key) };
    if (key !== null && read.known !== null) this.last = { body, key, read };
    return read;
  }
}

/**
 * The key by which a manager knows messages that the API has written. Without it, or where it does
 * not fit, a claim asks the store for the task; so a missing or exchanged key costs a statement and
 * nothing else. The next heartbeat reads it again.
 */
export class MessageVerifier {
  private key: string | null = null;
  private keyWanted = true;

  constructor(
    private readonly store: ManagerStore,
    private readonly log: Log,
    private readonly reader: MessageReader,
  ) {}

  /** Reads the key if there is need to; rejects with StoreUnavailable. */
  async refresh(): Promise<void> {
    if (!this.keyWanted) return;
    try {
      this.key = await this.store.messageKey();
      this.keyWanted = this.key === null;
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      // A database user from before there was a key may not read it.
      this.keyWanted = false;
      const hint =
        "cannot read the key of messages, claims ask the store for every task; `npx tasker initialize` grants the right";
      this.log.warn({ err: (error as Error).message }, hint);
    }
  }

  /** Throws UnreadableMessage. */
  read(body: string): ReadMessage {
    const read = this.reader.read(body, this.key);
    if (read.known === null) this.keyWanted = true;
    return read;
  }
}
