import { pause } from "../../backoff";
import type { ResponseKey } from "../../model/response";
import type { Grant } from "../../store/store";
import type { ManagerContext } from "../context";

/** Text of one write, characters, and what may wait for the store in all. */
const CHUNK = 64 * 1024;
const MAX_WAITING = 8 * 1024 * 1024;
/** Chunks of one write: at most 1 Mi characters. */
const SIZE = 16;
/** How long the end of an attempt waits for the last of its log. */
const LAST_WAIT_MS = 1000;

type Chunk = ResponseKey & { attempt: number; text: string };

/**
 * What handlers log and commands print. Gathered per attempt, written a few times a second in one
 * batch.
 *
 * A response keeps at most `manager.max_log` bytes: each of its attempts may use an equal share, so
 * that the first one's chatter cannot use up the room for the last one's error. What goes beyond is
 * left out, and the log says so.
 */
export class AttemptLogs {
  private chunks: Chunk[] = [];
  /**
   * Possibly stored: repeated unchanged, so that the store recognises the repetition.
   */
  private unconfirmed: Chunk[] = [];
  private waiting = 0;
  private writing: Promise<void> | null = null;

  constructor(private readonly context: ManagerContext) {}

  /** The log of one attempt. */
  open(grant: Grant): AttemptLog {
    return new AttemptLog(this, grant, logShare(this.context.config.manager.maxLogBytes, grant.attempts));
  }

  /** Writes what has gathered; one call at a time. Never rejects. */
  flush(): Promise<void> {
    if (this.unconfirmed.length + this.chunks.length === 0 && this.writing === null) return DONE;
    this.writing ??= this.write().finally(() => {
      this.writing = null;
    });
    return this.writing;
  }

  push({ taskId, endpoint, job, attempt }: Grant, text: string): void {
    // The store has been away for long: running on matters more than the log.
    if (this.waiting + text.length > MAX_WAITING) return;
    this.waiting += text.length;
    for (let from = 0; from < text.length; from += CHUNK)
      this.gather({ taskId, endpoint, job, attempt, text: text.slice(from, from + CHUNK) });
  }

  /** Resolves when what has gathered is written, or after a second at most. */
  async drain(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.flush().then(() => this.flush()), pause(LAST_WAIT_MS, patience.signal)]);
    patience.abort();
  }

  private gather(chunk: Chunk): void {
    const last = this.chunks.at(-1);
    const joins = last && sameAttempt(last, chunk) && last.text.length + chunk.text.length <= CHUNK;
    if (joins) last.text += chunk.text;
    else this.chunks.push(chunk);
  }

  private async write(): Promise<void> {
    while (this.unconfirmed.length + this.chunks.length > 0) {
      if (this.unconfirmed.length === 0) this.unconfirmed = this.chunks.splice(0, SIZE);
      try {
        await this.context.store.log(this.unconfirmed);
        for (const { text } of this.unconfirmed) this.waiting -= text.length;
        this.unconfirmed = [];
      } catch (error) {
        this.context.log.debug({ err: (error as Error).message }, "cannot write logs now");
        return;
      }
    }
  }
}

const DONE = Promise.resolve();

/** Counts an attempt's bytes, and states the cut. */
export class AttemptLog {
  private used = 0;
  private cut = false;

  constructor(
    private readonly logs: AttemptLogs,
    private readonly grant: Grant,
    private readonly room: number,
  ) {}

  write(text: string): void {
    if (this.cut || text === "") return;
    const bytes = Buffer.byteLength(text);
    if (this.used + bytes <= this.room) {
      this.used += bytes;
      this.logs.push(this.grant, text);
      return;
    }
    this.cut = true;
    // Cut by bytes: what remains of a character cut in half is dropped.
    const kept = Buffer.from(text)
      .subarray(0, this.room - this.used)
      .toString("utf8")
      .replace(/\ufffd$/, "");
    const newLine = kept === "" || kept.endsWith("\n") ? "" : "\n";
    this.logs.push(
      this.grant,
      `${kept}${newLine}… tasker: the log is cut here; an attempt may keep ${this.room} bytes\n`,
    );
  }
}

/** Bytes that one attempt may log. */
export function logShare(maxLogBytes: number, attempts: number): number {
  return Math.floor(maxLogBytes / Math.max(1, attempts));
}

function sameAttempt(a: Chunk, b: Chunk): boolean {
  return a.taskId === b.taskId && a.endpoint === b.endpoint && a.job === b.job && a.attempt === b.attempt;
}
