import { TransportError } from "../../errors";
import type { MaintenanceStore } from "../../store/store";
import type { Transport } from "../../transport/transport";
import type { Duty } from "./duty";

/**
 * A broker that was restarted has lost its wake-ups; the store makes them again. Every published,
 * unclaimed response becomes due for publishing. The mark comes last: a reconciler that dies in
 * between leaves the work to its successor. A message that was not lost after all arrives twice,
 * which the claim makes harmless.
 */
export class LostMessages implements Duty {
  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly transport: Transport,
  ) {}

  async work(): Promise<boolean> {
    try {
      if (!(await this.transport.lostMessages())) return false;
      await this.maintenance.markUnpublished();
      await this.transport.markBoot();
      return true;
    } catch (error) {
      // Without a broker there is nothing to find out; the other duties go on.
      if (error instanceof TransportError) return false;
      throw error;
    }
  }
}
