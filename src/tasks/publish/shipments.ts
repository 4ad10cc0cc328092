import { groupBy } from "../../group-by";
import { ANY_ENDPOINT } from "../../model/names";
import { bandOf } from "../../model/priority";
import type { NewTask } from "../../model/task";
import type { Address } from "../../transport/transport";

/** Most tasks, and most characters of payload, in one message. */
export const MAX_TOGETHER = 50;
const MAX_TOGETHER_CHARACTERS = 64 * 1024;

/** Tasks that travel in one message. */
export interface Shipment {
  address: Address;
  tasks: NewTask[];
  /** The endpoints whose responses it offers. */
  endpoints: readonly string[];
}

/**
 * Tasks of one type, committed together, by the queue that they go to. No task waits for another,
 * and under load the broker has a fraction of the work. Tasks for every registered endpoint go out
 * with one publish. Endpoints that are not registered have no queue, and get nothing yet.
 */
export function shipmentsToEach(tasks: readonly NewTask[], registered: ReadonlySet<string>): Shipment[] {
  const forAll: NewTask[] = [];
  const forOne: Array<{ endpoint: string; task: NewTask }> = [];
  for (const task of tasks) {
    const reachable = task.endpoints.filter((endpoint) => registered.has(endpoint));
    if (reachable.length > 1 && reachable.length === registered.size) forAll.push(task);
    else for (const endpoint of reachable) forOne.push({ endpoint, task });
  }
  const { type } = tasks[0]!;
  const shipments = packed(forAll, MAX_TOGETHER, { to: "all", type }, [...registered]);
  for (const [endpoint, group] of groupBy(forOne, (one) => one.endpoint)) {
    const address: Address = { to: "endpoint", type, endpoint };
    shipments.push(
      ...packed(
        group.map(({ task }) => task),
        MAX_TOGETHER,
        address,
        [endpoint],
      ),
    );
  }
  return shipments;
}

/**
 * Tasks of one `deliver: one` type. A message carries no more of them than a manager has slots, so
 * that none is held back while another manager is free.
 */
export function shipmentsToAny(tasks: readonly NewTask[], slots: number): Shipment[] {
  const { type } = tasks[0]!;
  return [...groupBy(tasks, (task) => bandOf(task.priority))].flatMap(([band, group]) =>
    packed(group, Math.min(MAX_TOGETHER, slots), { to: "one", type, band }, [ANY_ENDPOINT]),
  );
}

/** In their order, as few messages as the limits allow. A task beyond the limit goes alone. */
function packed(tasks: readonly NewTask[], most: number, address: Address, endpoints: readonly string[]): Shipment[] {
  const shipments: Shipment[] = [];
  let room = 0;
  for (const task of tasks) {
    const last = shipments.at(-1);
    room -= task.payload.length;
    if (last && last.tasks.length < most && room >= 0) last.tasks.push(task);
    else {
      shipments.push({ address, tasks: [task], endpoints });
      room = MAX_TOGETHER_CHARACTERS - task.payload.length;
    }
  }
  return shipments;
}
