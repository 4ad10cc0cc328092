import type { ManagerContext } from "../context";
import type { Registration } from "../lifecycle/registration";
import type { Attempt } from "./attempt";

const SIZE = 100;

/**
 * Claims for what has begun before its claim and still runs after a while: from then on it is
 * shown, watched, cancelled and recovered as every other. The claim is made under the lease that
 * the attempt has had from its start, so it may be repeated after an answer was lost, and an end
 * that overtakes it finds its own lease.
 */
export class LateClaims {
  constructor(
    private readonly context: ManagerContext,
    private readonly registration: Registration,
  ) {}

  /** Rejects where the store does not answer: they stay unclaimed, and are asked for again. */
  async claim(attempts: readonly Attempt[]): Promise<void> {
    for (let i = 0; i < attempts.length; i += SIZE) {
      const part = attempts.slice(i, i + SIZE);
      const claiming = this.ask(part);
      // An attempt that ends meanwhile waits for the answer: given back before it, the row would be
      // left running.
      const settled = claiming.catch(() => undefined);
      for (const attempt of part) attempt.claiming = settled;
      await claiming.finally(() => {
        for (const attempt of part) attempt.claiming = null;
      });
    }
  }

  private async ask(attempts: readonly Attempt[]): Promise<void> {
    const { endpoint, store, counters } = this.context;
    const managerId = this.registration.sure();
    if (managerId === null) return;
    counters.claimCalls++;
    const claims = attempts.map(({ task, grant: { leaseId, attempt } }) => ({ ...task, leaseId, attempt }));
    const answers = await store.claim(managerId, endpoint, claims).catch((error) => {
      this.registration.doubt();
      throw error;
    });
    // Where it is refused (cancelled, done, another's) the next look at the leases finds it lost,
    // as any other.
    for (const attempt of attempts) attempt.claimed();
    counters.granted += answers.filter(({ granted }) => granted).length;
  }
}
