import { TaskerError } from "../../errors";

/** Event streams of one process. */
const MAX_STREAMS = 4000;
/** Of one key, or of one address without keys. */
const MAX_STREAMS_EACH = 1000;

/** Counts the open event streams, all together and by who follows them. */
export class Streams {
  private all = 0;
  private readonly by = new Map<string, number>();

  constructor(
    private readonly most = MAX_STREAMS,
    private readonly mostEach = MAX_STREAMS_EACH,
  ) {}

  /** Returns the function to call when the stream has ended. Throws TaskerError `overloaded`. */
  open(who: string): () => void {
    const own = this.by.get(who) ?? 0;
    if (this.all >= this.most) throw tooMany(`${this.most} streams are open`);
    if (own >= this.mostEach) throw tooMany(`${this.mostEach} streams of this key or address are open`);
    this.all++;
    this.by.set(who, own + 1);
    return () => {
      this.all--;
      const left = this.by.get(who)! - 1;
      if (left > 0) this.by.set(who, left);
      else this.by.delete(who);
    };
  }
}

function tooMany(what: string): TaskerError {
  return new TaskerError("overloaded", `${what}: close some, poll, or try again later`, { retryAfter: 10 });
}
