import type { ClaimAnswer } from "../store/store";
import type { Attempt } from "./attempt";
import { claimOf } from "./claim";
import type { Desk } from "./desk";

const SIZE = 100;

/**
 * Claims for what has begun before its claim and still runs after a while: from then on it is shown, watched, cancelled and
 * recovered as every other. The claim is made under the lease that the attempt has had from its start. So it may be repeated after
 * an answer was lost, and an end that overtakes it finds its own lease.
 */
export class LateClaims {
  constructor(
    private readonly desk: Desk,
    private readonly managerId: () => string | null,
  ) {}

  /** Rejects where the store does not answer: they stay unclaimed, and are asked for again. */
  async claim(attempts: readonly Attempt[]): Promise<void> {
    for (let i = 0; i < attempts.length; i += SIZE) {
      const part = attempts.slice(i, i + SIZE);
      const claiming = this.ask(part);
      // Who ends meanwhile waits for the answer.
      const settled = claiming.catch(() => undefined);
      for (const attempt of part) attempt.claiming = settled;
      await claiming.finally(() => {
        for (const attempt of part) attempt.claiming = null;
      });
    }
  }

  private async ask(attempts: readonly Attempt[]): Promise<void> {
    const { endpoint, store, counters } = this.desk;
    const managerId = this.managerId();
    if (managerId === null) return;
    counters.claimCalls++;
    const claims = attempts.map(({ item, grant, late }) => {
      const claim = claimOf(item, late!.type, endpoint);
      claim.leaseId = grant.leaseId;
      return claim;
    });
    const answers = await store.claim(managerId, endpoint, claims);
    for (const [i, attempt] of attempts.entries()) this.answered(attempt, answers[i]!);
  }

  private answered(attempt: Attempt, answer: ClaimAnswer): void {
    attempt.claimed();
    if (answer.granted) {
      this.desk.counters.granted++;
      return;
    }
    this.desk.counters.leasesLost++;
    this.desk.log.warn(
      { task_id: answer.taskId, endpoint: this.desk.endpoint, why: answer.why },
      "what began before its claim is told to stop: the claim is refused",
    );
    attempt.stop.tell("lease_lost");
  }
}
