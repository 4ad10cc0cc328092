import { pause } from "../backoff";
import { TaskerError } from "../errors";
import type { Log } from "../log";
import type { ResponseChange } from "../store/store";
import type { TaskService } from "../tasks/tasks";

const POLL_MS = 250;
const PAGE = 500;
/** A client that has missed more events than this gets a reset. */
const MAX_REPLAY = 10_000;

export interface Wanted {
  taskId?: string;
  type?: string;
  /** A key's types; null: all. */
  types: readonly string[] | null;
}

interface Follower {
  wanted: Wanted;
  onChange(change: ResponseChange): void;
  onIdle(): void;
}

/**
 * Live changes for all followers, from one poller a process; without followers there is no poll.
 *
 *   no follower ──first──▶ polling (from the feed's present end) ──last one leaves──▶ no follower
 *
 * A follower that resumes gets the past from the store before it gets what is live, so nothing is
 * missed between the two, and what is in both comes once. A poll that fails is repeated from the
 * same cursor, so an outage loses nothing.
 */
export class ChangeFeed {
  private readonly followers = new Set<Follower>();
  private cursor: string | null = null;
  private polling = false;

  constructor(
    private readonly service: TaskService,
    private readonly log: Log,
  ) {}

  get size(): number {
    return this.followers.size;
  }

  /**
   * Follows from now, or from `after` (a change's cursor). Resolves to the function that ends it;
   * rejects with TaskerError `invalid_request` when `after` is none of ours or too old.
   *
   * @param onIdle is called after each round that brought it something
   */
  async follow(
    wanted: Wanted,
    after: string | null,
    onChange: (change: ResponseChange) => void,
    onIdle: () => void = () => {},
  ): Promise<() => void> {
    let held: ResponseChange[] | null = [];
    const follower: Follower = {
      wanted,
      onChange: (change) => (held ? held.push(change) : onChange(change)),
      onIdle: () => held ?? onIdle(),
    };
    await this.ready();
    this.followers.add(follower);
    this.poll();
    const leave = () => {
      this.followers.delete(follower);
    };
    try {
      const replayed = after === null ? null : await this.replay(wanted, after, onChange);
      for (const change of held) if (!replayed?.has(versionOf(change))) onChange(change);
      held = null;
      onIdle();
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  close(): void {
    this.followers.clear();
  }

  /** Reads the feed's end when there is no follower yet. Rejects with TaskerError. */
  async ready(): Promise<void> {
    if (this.followers.size > 0) return;
    const { cursor } = await this.service.changes(null, 1);
    if (this.followers.size === 0) this.cursor = cursor;
  }

  private async replay(
    wanted: Wanted,
    after: string,
    onChange: (change: ResponseChange) => void,
  ): Promise<Set<string>> {
    const replayed = new Set<string>();
    for (let cursor = after; ; ) {
      const page = await this.service.changes(cursor, PAGE, { taskId: wanted.taskId, type: wanted.type });
      for (const change of page.changes) {
        replayed.add(versionOf(change));
        if (wants(wanted, change)) onChange(change);
      }
      if (page.changes.length < PAGE) return replayed;
      if (replayed.size >= MAX_REPLAY) throw new TaskerError("invalid_request", "There is too much to catch up on");
      cursor = page.cursor;
    }
  }

  private poll(): void {
    if (this.polling) return;
    this.polling = true;
    void this.loop().finally(() => {
      this.polling = false;
      if (this.followers.size > 0) this.poll();
    });
  }

  private async loop(): Promise<void> {
    let failures = 0;
    while (this.followers.size > 0) {
      const full = await this.round().then(
        (more) => {
          failures = 0;
          return more;
        },
        (error: Error) => {
          if (failures++ === 0) this.log.warn({ err: error }, "Live changes cannot be read at the moment");
          return false;
        },
      );
      if (!full) await pause(POLL_MS * Math.min(8, 1 + failures), undefined, { ref: false });
    }
  }

  /** True: there is more. */
  private async round(): Promise<boolean> {
    const { changes, cursor } = await this.service.changes(this.cursor, PAGE);
    this.cursor = cursor;
    if (changes.length === 0) return false;
    for (const follower of [...this.followers]) {
      let any = false;
      for (const change of changes) {
        if (!wants(follower.wanted, change)) continue;
        any = true;
        follower.onChange(change);
      }
      if (any) follower.onIdle();
    }
    return changes.length === PAGE;
  }
}

function wants(wanted: Wanted, change: ResponseChange): boolean {
  if (wanted.taskId !== undefined && change.taskId !== wanted.taskId) return false;
  if (wanted.type !== undefined && change.type !== wanted.type) return false;
  return wanted.types === null || wanted.types.includes(change.type);
}

function versionOf(change: ResponseChange): string {
  return `${change.taskId}/${change.endpoint}/${change.job}/${change.version}`;
}
