import type { Config } from "../../config/config";
import { StoreUnavailable } from "../../errors";
import type { Log } from "../../log";
import { ANY_ENDPOINT } from "../../model/names";
import type { Deliver } from "../../model/task";
import type { KnownType, Store } from "../../store/store";
import { type Duty, Every } from "./duty";

const LOOK_EVERY_MS = 10_000;

/**
 * What a changed config leaves behind.
 *
 *  - A type that the config has no more: its tasks can be read and cancelled, expire, and are
 *    deleted by the `keep` it last had.
 *  - A type whose `deliver` has changed: its open tasks are delivered as they were stored. While
 *    there are any, its managers serve the queues of the other kind as well.
 */
export class Leftovers implements Duty {
  /** Types that the config has no more. */
  private former: readonly KnownType[] = [];
  /** Types with open tasks of the kind of delivery that the config no longer has. */
  private readonly others = new Map<string, Deliver>();
  private readonly every = new Every();

  constructor(
    private readonly config: Config,
    private readonly store: Store,
    private readonly log: Log,
  ) {}

  /** The types of the config, and those that it has had. */
  types(): ReadonlyArray<{ name: string; deliver: Deliver; keepMs: number | null }> {
    return [...Object.values(this.config.taskTypes), ...this.former];
  }

  /** At the start: notes the config's types, and logs what is open of what it no longer has. */
  async start(): Promise<void> {
    await this.noteTypes();
    // The config lists no endpoints for them any more.
    for (const { name } of this.former) await this.store.tasks.registerEndpoints(name, []);
    const gone = new Counts();
    const other = new Counts();
    for (const { type, endpoint, count } of await this.store.tasks.openCounts()) {
      const deliver = endpoint === ANY_ENDPOINT ? "one" : "each";
      if (!this.has(type)) gone.add(type, count);
      else if (this.config.taskTypes[type]!.deliver !== deliver) {
        other.add(`${type} (${deliver})`, count);
        await this.published(type, deliver);
      }
    }
    if (gone.total > 0)
      this.log.warn(
        { open: gone.byName },
        `${gone.sentence} of task types that the config no longer has (${gone.list}): nobody performs them; they can be read and cancelled, and expire`,
      );
    if (other.total > 0)
      this.log.info(
        { open: other.byName },
        `${other.sentence} of tasks that were stored with another \`deliver\` than the config has now (${other.list}): they are delivered as they were stored`,
      );
  }

  /** A response of that kind of delivery is published: the type's managers have to serve it. */
  async published(type: string, deliver: Deliver): Promise<void> {
    if (this.config.taskTypes[type]?.deliver === deliver || this.others.get(type) === deliver) return;
    await this.store.maintenance.setOpenDeliver(type, deliver);
    this.others.set(type, deliver);
  }

  /** Looks whether tasks of the other kind are still open. */
  async work(now: number): Promise<boolean> {
    if (!this.every.due(now, LOOK_EVERY_MS)) return false;
    for (const [type, deliver] of [...this.others]) {
      const open = await this.store.maintenance.isOpen(type, deliver);
      // Repeated: a manager may have registered meanwhile.
      await this.store.maintenance.setOpenDeliver(type, open ? deliver : null);
      if (!open) this.others.delete(type);
    }
    return false;
  }

  private async noteTypes(): Promise<void> {
    try {
      const known = await this.store.maintenance.configureTypes(this.types());
      this.former = known.filter(({ name }) => !this.has(name));
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      const hint = "the types of the config cannot be noted; `npx tasker initialize` grants the rights";
      this.log.warn({ err: (error as Error).message }, hint);
    }
  }

  private has(type: string): boolean {
    return Object.hasOwn(this.config.taskTypes, type);
  }
}

class Counts {
  readonly byName: Record<string, number> = {};
  total = 0;

  add(name: string, count: number): void {
    this.byName[name] = (this.byName[name] ?? 0) + count;
    this.total += count;
  }

  get sentence(): string {
    return `${this.total} response${this.total === 1 ? " is" : "s are"} open`;
  }

  get list(): string {
    return Object.entries(this.byName)
      .map(([name, count]) => `${name}: ${count}`)
      .join(", ");
  }
}
