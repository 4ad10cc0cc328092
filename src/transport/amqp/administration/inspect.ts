import { ANY_ENDPOINT } from "../../../model/names";
import { BANDS } from "../../../model/priority";
import type { TypeTopology } from "../../transport";
import { CALLS, endpointQueueName, ORDERED, PARKING, REPORTS, sharedQueueName } from "../naming";

/**
 * The queues that are in a vhost, held against those that would be declared. Pure: for `doctor`,
 * which only reports.
 */

/** A queue as the management API describes it. */
export interface FoundQueue {
  name: string;
  type: string;
  durable: boolean;
  auto_delete: boolean;
  exclusive: boolean;
  arguments: Record<string, unknown>;
  messages?: number;
  consumers?: number;
}

export interface ExpectedQueues {
  queueType: "classic" | "quorum";
  types: readonly TypeTopology[];
  /**
   * What is not final, whatever the config says of its type by now; `*`: of any endpoint. Its
   * queues are served until then.
   */
  open: ReadonlyArray<{ type: string; endpoint: string }>;
  /**
   * Every endpoint that is configured or registered; null: nobody could be asked, so none of their
   * queues is judged an orphan.
   */
  endpoints: readonly string[] | null;
}

/**
 * `differs`: declared in another way · `orphan`: in tasker's names, of nobody known · `foreign`:
 * not named as tasker's are.
 */
export interface QueueFinding {
  kind: "differs" | "orphan" | "foreign";
  queue: FoundQueue;
  /** How it is, against how it should be; or what it would belong to. */
  detail: string;
}

/** In the order of their names; what is as it should be is left out. */
export function judgeQueues(found: readonly FoundQueue[], expected: ExpectedQueues): QueueFinding[] {
  const wanted = wantedNames(expected);
  return [...found]
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((queue): QueueFinding[] => {
      if (wanted.has(queue.name) || ofUnaskedEndpoint(queue.name, expected)) {
        const differences = differencesOf(queue, expected.queueType);
        return differences.length === 0 ? [] : [{ kind: "differs", queue, detail: differences.join(", ") }];
      }
      if (!queue.name.startsWith("tasker."))
        return [{ kind: "foreign", queue, detail: "it is not named as tasker's are" }];
      return [{ kind: "orphan", queue, detail: orphanOf(queue.name, expected.types) }];
    });
}

function wantedNames({ types, endpoints, open }: ExpectedQueues): Set<string> {
  const names = new Set([PARKING, CALLS, REPORTS]);
  for (const { type, deliver } of types) {
    if (deliver === "one") for (const band of BANDS) names.add(sharedQueueName(type, band));
    else for (const endpoint of endpoints ?? []) names.add(endpointQueueName(type, endpoint));
  }
  for (const { type, endpoint } of open) {
    if (endpoint === ANY_ENDPOINT) for (const band of BANDS) names.add(sharedQueueName(type, band));
    else for (const name of [endpoint, ...(endpoints ?? [])]) names.add(endpointQueueName(type, name));
  }
  return names;
}

function ofUnaskedEndpoint(name: string, { types, endpoints }: ExpectedQueues): boolean {
  return endpoints === null && types.some(({ type, deliver }) => deliver === "each" && isOfType(name, type));
}

function isOfType(name: string, type: string): boolean {
  return name.startsWith(endpointQueueName(type, ""));
}

function orphanOf(name: string, types: readonly TypeTopology[]): string {
  const own = types.find(
    ({ type }) => isOfType(name, type) || BANDS.some((band) => name === sharedQueueName(type, band)),
  );
  if (!own) return "no type of that name is configured";
  if (own.deliver === "one") return `${own.type} is delivered to one, and has no queues of endpoints`;
  const endpoint = name.slice(endpointQueueName(own.type, "").length);
  return isOfType(name, own.type)
    ? `no endpoint ${endpoint} is configured or registered`
    : `${own.type} is delivered to each, and has no shared queue`;
}

/**
 * A declaration is durable and has one argument, the queue's type: what else there is came from
 * somebody else.
 */
function differencesOf(queue: FoundQueue, queueType: string): string[] {
  const differences: string[] = [];
  if (queue.type !== queueType) differences.push(`it is a ${queue.type} queue, not a ${queueType} one`);
  if (!queue.durable) differences.push("it does not survive a restart of the broker");
  if (queue.auto_delete) differences.push("it is deleted with its last consumer");
  if (queue.exclusive) differences.push("it is another connection's alone");
  for (const [name, value] of Object.entries(queue.arguments)) {
    if (name !== "x-queue-type" && !(queue.name === REPORTS && name === ORDERED))
      differences.push(`it has ${name}=${JSON.stringify(value)}`);
  }
  return differences;
}
