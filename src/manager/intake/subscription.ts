import { pause } from "../../backoff";
import type { TaskTypeConfig } from "../../config/config";
import { BANDS, type Band } from "../../model/priority";
import type { Address, Consumption } from "../../transport/transport";
import type { ManagerContext } from "../context";

/**
 * The consumption of a type; it pauses and resumes one after the other, always towards what was
 * wanted last. Of several queues the most urgent is resumed first, and the next one only then: its
 * messages are here before those of the others.
 */
export class Subscription {
  private wanted = false;
  private paused = false;
  private changing: Promise<void> | null = null;
  private stopped = false;

  /** @param consumptions the most urgent first */
  constructor(
    private readonly consumptions: readonly Consumption[],
    private readonly context: ManagerContext,
  ) {}

  /** Resolves when it is as wanted last. Never rejects. */
  hold(wanted: boolean): Promise<void> {
    this.wanted = wanted;
    this.changing ??= this.change().finally(() => {
      this.changing = null;
    });
    return this.changing;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.changing;
    await Promise.all(this.consumptions.map((consumption) => consumption.stop()));
  }

  private async change(): Promise<void> {
    while (!this.stopped && this.paused !== this.wanted) {
      const pausing = this.wanted;
      try {
        if (pausing) await Promise.all(this.consumptions.map((consumption) => consumption.pause()));
        else for (const consumption of this.consumptions) await consumption.resume();
        this.paused = pausing;
      } catch (error) {
        this.context.log.warn(
          { err: (error as Error).message },
          pausing ? "cannot pause a consumer" : "cannot resume a consumer",
        );
        await pause(500, this.context.over);
      }
    }
  }
}

export interface Queue {
  address: Address;
  prefetch: number;
}

/**
 * The queues that a manager of the endpoint consumes for a type, the most urgent first, and how
 * many messages of each may be unacked here. For `deliver: each` twice the slots: while one half
 * runs or is being committed the other half is at hand. Of the shared queues the urgent ones have
 * twice the slots as well, or a less urgent task that waits here would take the slot that becomes
 * free before the next urgent one has arrived; the last has just the slots.
 */
export function queuesOf(type: TaskTypeConfig, endpoint: string): Queue[] {
  const slots = type.concurrency * Math.max(1, type.jobs.length);
  const prefetch = (wanted: number) => Math.min(300, wanted);
  if (type.deliver === "each")
    return [{ address: { to: "endpoint", type: type.name, endpoint }, prefetch: prefetch(slots * 2) }];
  return BANDS.map((band: Band) => ({
    address: { to: "one", type: type.name, band },
    prefetch: prefetch(band === 0 ? slots : slots * 2),
  }));
}
