import type { Claim, LeaseRef } from "../store/store";
import {
  type AttemptEnd,
  type ClaimAnswer,
  type EndAnswer,
  knownGrant,
  type LeaseState,
  type ManagerRegistration,
  type ManagerStore,
  type NewRequest,
} from "../store/store";
import type { RecorderLink } from "./link";

/** The store as the manager of one endpoint has it that reaches the broker alone. */
export class RemoteStore implements ManagerStore {
  private readonly leases = new WeakMap<Claim, string>();

  constructor(
    private readonly link: RecorderLink,
    private readonly endpoint: string,
  ) {}

  messageKey(): Promise<string | null> {
    return this.link.ask({ call: "message_key", endpoint: this.endpoint });
  }

  predecessors(
    of: Pick<ManagerRegistration, "endpoint" | "host" | "slot">,
  ): Promise<Array<{ id: string; pid: number }>> {
    const { endpoint, host, slot } = of;
    return this.link.ask({ call: "predecessors", endpoint, host, slot });
  }

  async register(manager: ManagerRegistration): Promise<void> {
    const { spare, labels, ...rest } = manager;
    await this.link.ask({ call: "register", ...rest, labels: labels as never, spare: spare && [...spare] });
  }

  openDeliveries(endpoint: string): ReturnType<ManagerStore["openDeliveries"]> {
    return this.link.ask({ call: "open_deliveries", endpoint });
  }

  async heartbeat(managerId: string, state: { running: number; draining: boolean }): Promise<{ known: boolean }> {
    return this.link.ask({ call: "heartbeat", endpoint: this.endpoint, managerId, ...state });
  }

  async leave(managerId: string): Promise<void> {
    await this.link.ask({ call: "leave", endpoint: this.endpoint, managerId });
  }

  async claim(managerId: string, endpoint: string, claims: readonly Claim[]): Promise<ClaimAnswer[]> {
    const asked = claims.map((claim) => {
      const { taskId, job, type, generation, attempt, endpoint: key } = claim;
      return {
        taskId,
        job,
        type,
        generation,
        attempt,
        endpoint: key,
        version: claim.known?.version,
        leaseId: this.leaseOf(claim),
      };
    });
    const answers = await this.link.ask<ClaimAnswer[]>({ call: "claim", endpoint, managerId, claims: asked });
    // A grant without a payload is one by the version that the manager knows.
    return answers.map((answer, i) =>
      answer.granted && answer.payload === undefined ? knownGrant(claims[i]!, endpoint, answer.leaseId) : answer,
    );
  }

  /**
   * A call whose answer was lost is repeated with the same claims, maybe to another recorder. Under
   * the same lease it is granted what it holds already.
   */
  private leaseOf(claim: Claim): string {
    const leaseId = claim.leaseId ?? this.leases.get(claim) ?? this.link.leaseOfTurn();
    this.leases.set(claim, leaseId);
    return leaseId;
  }

  async received(endpoint: string, tasks: ReadonlyArray<Pick<Claim, "taskId" | "job" | "generation">>): Promise<void> {
    await this.link.report(
      "received",
      tasks.map(({ taskId, job, generation }) => ({ endpoint, taskId, job, generation })),
    );
  }

  underWay(leases: readonly LeaseRef[]): Promise<void> {
    return this.link.report("underWay", leases.map(leaseOf));
  }

  progress(reports: ReadonlyArray<LeaseRef & { progress: number; message: string | null }>): Promise<void> {
    return this.link.report("progress", reports);
  }

  log(chunks: Parameters<ManagerStore["log"]>[0]): Promise<void> {
    return this.link.report("log", chunks);
  }

  /** Safe at the broker's confirm; the manager does not wait for the store's answer. */
  async finish(ends: readonly AttemptEnd[]): Promise<EndAnswer[]> {
    await this.link.report("finish", ends);
    return ends.map(() => ({ kind: "recorded" }));
  }

  async request(row: NewRequest): Promise<void> {
    await this.link.ask({ call: "request", endpoint: this.endpoint, ...row });
  }

  check(leases: readonly LeaseRef[]): Promise<LeaseState[]> {
    return this.link.ask({ call: "check", endpoint: this.endpoint, leases: leases.map(leaseOf) });
  }

  confirm(leases: ReadonlyArray<LeaseRef & { leftMs: number }>): Promise<void> {
    return this.link.report(
      "confirm",
      leases.map((lease) => ({ ...leaseOf(lease), leftMs: lease.leftMs })),
    );
  }
}

function leaseOf({ taskId, endpoint, job, leaseId }: LeaseRef): LeaseRef {
  return { taskId, endpoint, job, leaseId };
}
