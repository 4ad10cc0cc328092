import type { Config } from "../../config/config";
import type { Log } from "../../log";
import { ANY_ENDPOINT } from "../../model/names";
import type { Deliver } from "../../model/task";
import type { KnownType, Store } from "../../store/store";

const LOOK_EVERY_MS = 10_000;

/**
 * What a changed config leaves behind, and how it is looked after.
 *
 *  - A type that the config has no more: its tasks can be read and cancelled, expire, and are deleted by the `keep` it last had.
 *  - A type whose `deliver` has changed: its open tasks are delivered as they were stored. As long as there are such, its managers
 *    are told to serve the queues of the other kind as well.
 */
export class Leftovers {
  /** Types that the config has no more, while tasks of them are stored or were. */
  former: readonly KnownType[] = [];
  /** Types of which tasks of the other kind of delivery are open. */
  private readonly others = new Map<string, Deliver>();
  private lastLook = performance.now();

  constructor(
    private readonly config: Config,
    private readonly store: Store,
    private readonly log: Log,
  ) {}

  /** At the start: notes the config's types, and says in one line each what is open of what it no longer has. */
  async start(): Promise<void> {
    const types = Object.values(this.config.taskTypes).map(({ name, deliver, keepMs }) => ({ name, deliver, keepMs }));
    try {
      this.former = (await this.store.maintenance.configureTypes(types)).filter(({ name }) => !this.has(name));
    } catch (error) {
      const hint = "the types of the config cannot be noted; `npx tasker initialize` grants the rights";
      if ((error as { code?: string }).code === "database_unavailable") throw error;
      this.log.warn({ err: (error as Error).message }, hint);
    }
    // The config lists nobody for them any more.
    for (const { name } of this.former) await this.store.tasks.registerEndpoints(name, []);
    const gone = new Map<string, number>();
    const other = new Map<string, number>();
    for (const { type, endpoint, count } of await this.store.tasks.openCounts()) {
      const deliver = endpoint === ANY_ENDPOINT ? "one" : "each";
      if (!this.has(type)) add(gone, type, count);
      else if (this.config.taskTypes[type]!.deliver !== deliver) {
        add(other, `${type} (${deliver})`, count);
        await this.met(type, deliver);
      }
    }
    if (gone.size > 0)
      this.log.warn(
        { open: Object.fromEntries(gone) },
        `${open(gone)} of task types that the config no longer has (${listed(gone)}): nobody performs them; they can be read and cancelled, and expire`,
      );
    if (other.size > 0)
      this.log.info(
        { open: Object.fromEntries(other) },
        `${open(other)} of tasks that were stored with another \`deliver\` than the config has now (${listed(other)}): they are delivered as they were stored`,
      );
  }

  /** A response of that kind of delivery is published. Cheap where that is what the config says. */
  async met(type: string, deliver: Deliver): Promise<void> {
    if (this.config.taskTypes[type]?.deliver === deliver || this.others.get(type) === deliver) return;
    await this.store.maintenance.tellOpenDeliver(type, deliver);
    this.others.set(type, deliver);
  }

  /** Once in a while: whether there are still such. @param now monotonic milliseconds */
  async look(now: number): Promise<void> {
    if (now - this.lastLook < LOOK_EVERY_MS) return;
    this.lastLook = now;
    for (const [type, deliver] of [...this.others]) {
      const open = await this.store.maintenance.isOpen(type, deliver);
      // Told again: somebody may have registered meanwhile.
      await this.store.maintenance.tellOpenDeliver(type, open ? deliver : null);
      if (!open) this.others.delete(type);
    }
  }

  private has(type: string): boolean {
    return Object.hasOwn(this.config.taskTypes, type);
  }
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

function open(counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${total} response${total === 1 ? " is" : "s are"} open`;
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name}: ${count}`).join(", ");
}
