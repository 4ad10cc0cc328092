import type { EndedResponse } from "../../store/store";

/** Nobody is told later than that that a task is under way. */
const KEEP_MS = 1000;
/** Responses kept; beyond that all of them are let go. */
const MOST = 20_000;

interface Kept {
  responses: EndedResponse[];
  /** Monotonic milliseconds of the first of them, and from where the feed was followed then. */
  since: number;
  place: string | null;
}

/**
 * Ends of tasks that have others under way. Mostly those end with one of the next pages: then the task's state is computed from all of
 * them together, as if they had come at once, and nothing of it is read again.
 *
 * Only of tasks that nothing has been stored about yet, and only for a moment. Nothing rests on it: until they are let go the place that
 * is remembered for a successor stays before them.
 */
export class CompletionBuffer {
  /** By task, in the order in which the first of each came. */
  private readonly byTask = new Map<string, Kept>();
  private size = 0;

  /** From where the feed would have to be followed to see all that is kept; undefined: nothing is. */
  get place(): string | null | undefined {
    for (const { place } of this.byTask.values()) return place;
    return undefined;
  }

  /**
   * Takes a page of ends that stand behind `place`; returns those that are to be concluded now, each with all that is known of its task.
   *
   * @param now monotonic milliseconds
   */
  sift(page: readonly EndedResponse[], place: string | null, now: number): EndedResponse[] {
    for (const response of page) {
      const kept = this.byTask.get(response.taskId);
      if (kept) kept.responses.push(response);
      else this.byTask.set(response.taskId, { responses: [response], since: now, place });
    }
    this.size += page.length;
    const all = this.size > MOST;
    const ripe: EndedResponse[] = [];
    for (const [taskId, { responses, since }] of this.byTask) {
      if (!all && now - since < KEEP_MS && wantsMore(responses)) continue;
      this.byTask.delete(taskId);
      this.size -= responses.length;
      for (const response of responses) ripe.push(response);
    }
    return ripe;
  }

  clear(): void {
    this.byTask.clear();
    this.size = 0;
  }
}

/** What is stored as running is as it should be, and what has been touched meanwhile wants a closer look anyway. */
function wantsMore(responses: readonly EndedResponse[]): boolean {
  const { task } = responses.at(-1)!;
  return task.status === "pending" && responses.length < task.expected && responses[0]!.task.version === task.version;
}
