import { nameOf, type ReceivedTask } from "./delivery-batch";

/** Priorities are 0–9; what lies outside counts as the nearest. */
const HIGHEST = 9;

/**
 * What waits for the slots of a job: the highest priority first, then in the order of arrival; each
 * task once.
 */
export class LocalQueue {
  private readonly levels: ReceivedTask[][] = Array.from({ length: HIGHEST + 1 }, () => []);
  private readonly names = new Set<string>();

  get size(): number {
    return this.names.size;
  }

  /** False: it waits here already, a second message for it adds nothing. */
  push(task: ReceivedTask): boolean {
    const name = nameOf(task);
    if (this.names.has(name)) return false;
    this.names.add(name);
    this.levels[levelOf(task)]!.push(task);
    return true;
  }

  /** Takes the next task out. */
  shift(): ReceivedTask | undefined {
    if (this.size === 0) return undefined;
    const task = this.levels.findLast((level) => level.length > 0)!.shift()!;
    this.names.delete(nameOf(task));
    return task;
  }

  remove(task: ReceivedTask): void {
    const level = this.levels[levelOf(task)]!;
    const at = level.indexOf(task);
    if (at < 0) return;
    level.splice(at, 1);
    this.names.delete(nameOf(task));
  }

  /** All that waits, without taking it out. */
  tasks(): ReceivedTask[] {
    return this.size === 0 ? [] : this.levels.flat();
  }
}

function levelOf({ priority }: ReceivedTask): number {
  return Math.min(HIGHEST, Math.max(0, Math.trunc(priority) || 0));
}
