import { TaskerError } from "../errors";
import type { Log } from "../log";
import { isName } from "../model/names";
import type { ResponseStatus } from "../model/response";
import type { EndpointRecord, RenameOutcome, Store } from "../store/store";
import type { QueueRegistry } from "./publish/queue-registry";
import type { Reconciler } from "./reconcile/reconcile";
import type { BrokerUser, EndpointReading, EndpointRemoved, EndpointRenamed } from "./service";

/** The users that endpoints have of their own at the broker, in the hands of its administrator. */
export interface EndpointUsers {
  /** Never rejects: what cannot be done is said. Null: there is nothing like users. */
  remove(endpoint: string): Promise<BrokerUser | null>;
}

/** Reads endpoints, and ends the life of one under a name: removal, or another name. */
export class Endpoints {
  constructor(
    private readonly store: Store,
    private readonly queues: QueueRegistry,
    private readonly users: EndpointUsers | null,
    private readonly reconciler: Reconciler,
    private readonly log: Log,
  ) {}

  /** `types`: only their responses are counted; null: all. */
  async list(types: readonly string[] | null): Promise<EndpointReading[]> {
    const [all, counts] = await Promise.all([this.store.tasks.endpoints(), this.openCounts(types)]);
    return all.map((endpoint) => reading(endpoint, counts));
  }

  async read(name: string, types: readonly string[] | null): Promise<EndpointReading> {
    const found = await this.store.tasks.endpoint(name);
    if (!found) throw unknown(name);
    return reading(found, await this.openCounts(types));
  }

  async remove(name: string, { dryRun }: { dryRun: boolean }): Promise<EndpointRemoved> {
    const removal = await this.store.tasks.removeEndpoint(name, dryRun);
    if (!removal) throw unknown(name);
    if (dryRun) return { ...removal, dryRun, queues: null, brokerUser: null };
    this.reconciler.nudge();
    return { ...removal, dryRun, queues: await this.deleteQueues(name), brokerUser: await this.removeUser(name) };
  }

  async rename(name: string, to: string): Promise<EndpointRenamed> {
    if (!isName(to) || to === name) {
      throw new TaskerError("invalid_request", `An endpoint cannot be renamed to ${JSON.stringify(to.slice(0, 80))}`, {
        errors: [{ pointer: "#/name", detail: "must be another name that matches ^[a-z0-9][a-z0-9._-]{0,62}$" }],
      });
    }
    const outcome = await this.store.tasks.renameEndpoint(name, to);
    if (outcome.kind !== "renamed") throw refusal(name, to, outcome);
    this.reconciler.nudge();
    const queues = await this.deleteQueues(name);
    return { name: to, from: name, moved: outcome.moved, queues, brokerUser: await this.removeUser(name) };
  }

  private async openCounts(types: readonly string[] | null) {
    const counts = await this.store.tasks.openCounts();
    return types === null ? counts : counts.filter((count) => types.includes(count.type));
  }

  /** What the broker does not delete now is the reconciler's. */
  private async deleteQueues(name: string): Promise<"removed" | "pending"> {
    const left = (await this.store.maintenance.leavingEndpoints()).find((endpoint) => endpoint.name === name);
    try {
      await this.queues.deleteQueues(name, left?.types ?? []);
      return "removed";
    } catch (error) {
      this.log.warn(
        { endpoint: name, err: (error as Error).message },
        "its queues are deleted when the broker takes it",
      );
      return "pending";
    }
  }

  private async removeUser(name: string): Promise<BrokerUser | null> {
    return this.users === null ? null : this.users.remove(name);
  }
}

type Counts = ReadonlyArray<{ endpoint: string; status: ResponseStatus; count: number }>;

function reading(endpoint: EndpointRecord, counts: Counts): EndpointReading {
  return { ...endpoint, open: sum(counts.filter((count) => count.endpoint === endpoint.name)) };
}

export function sum(counts: Counts | ReadonlyArray<{ status: ResponseStatus; count: number }>) {
  const total: Partial<Record<ResponseStatus, number>> = {};
  for (const { status, count } of counts) total[status] = (total[status] ?? 0) + count;
  return total;
}

function unknown(name: string): TaskerError {
  return new TaskerError(
    "endpoint_not_found",
    `No endpoint ${name} has registered or is configured, unless it was removed since`,
  );
}

function refusal(from: string, to: string, outcome: Exclude<RenameOutcome, { kind: "renamed" }>): TaskerError {
  switch (outcome.kind) {
    case "unknown":
      return unknown(from);
    case "busy":
      return new TaskerError(
        "illegal_state",
        `Endpoint ${from} cannot be renamed while it is at work: ${outcome.why}. Stop its manager, then try again`,
      );
    case "expected":
      return new TaskerError(
        "illegal_state",
        `Task ${outcome.taskId} expects both ${from} and ${to}: wait for it, or cancel it at one of them, then try again`,
      );
    case "taken":
      return new TaskerError(
        "illegal_state",
        outcome.by === null
          ? `There is an endpoint ${to} already: remove it first, or choose another name`
          : `The name ${to} is reserved, since that endpoint was renamed to ${outcome.by}: remove ${to} to free it, or choose another name`,
      );
  }
}
