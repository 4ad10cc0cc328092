import type { EndedResponse } from "../../store/store";

/** A task's stored status is at most this far behind. */
const KEEP_MS = 1000;
/** Beyond this many responses all of them are let go. */
const MAX_BUFFERED = 20_000;

interface Buffered {
  responses: EndedResponse[];
  /** When the first of them came (monotonic milliseconds), and where the feed was followed from then. */
  since: number;
  place: string | null;
}

/**
 * Final responses of tasks that have others under way. Mostly those end within the next pages. Then the
 * task's state is computed once from all of them, and nothing of it is read again.
 *
 * Only for tasks whose status has not been stored yet, and only for a moment. Losing it loses nothing:
 * the place that is kept for a successor stays before what is buffered.
 */
export class CompletionBuffer {
  /** By task, oldest first. */
  private readonly byTask = new Map<string, Buffered>();
  private size = 0;

  /** From where to follow the feed to see all that is buffered; undefined: nothing is. */
  get place(): string | null | undefined {
    for (const { place } of this.byTask.values()) return place;
    return undefined;
  }

  /**
   * Adds a page of final responses that stand behind `place`. Returns those whose tasks are to be
   * completed now, each with all that is known of its task.
   *
   * @param now monotonic milliseconds
   */
  sift(page: readonly EndedResponse[], place: string | null, now: number): EndedResponse[] {
    for (const response of page) {
      const buffered = this.byTask.get(response.taskId);
      if (buffered) buffered.responses.push(response);
      else this.byTask.set(response.taskId, { responses: [response], since: now, place });
    }
    this.size += page.length;
    const all = this.size > MAX_BUFFERED;
    const ready: EndedResponse[] = [];
    for (const [taskId, { responses, since }] of this.byTask) {
      if (!all && now - since < KEEP_MS && expectsMore(responses)) continue;
      this.byTask.delete(taskId);
      this.size -= responses.length;
      for (const response of responses) ready.push(response);
    }
    return ready;
  }

  clear(): void {
    this.byTask.clear();
    this.size = 0;
  }
}

/** A task that is stored as running needs no update, and one that was touched meanwhile is read again anyway. */
function expectsMore(responses: readonly EndedResponse[]): boolean {
  const { task } = responses.at(-1)!;
  return task.status === "pending" && responses.length < task.expected && responses[0]!.task.version === task.version;
}
