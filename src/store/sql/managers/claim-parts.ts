import { groupBy } from "../../../group-by";
import { newId } from "../../../model/ids";
import type { ResponseKey } from "../../../model/response";
import type { Claim, ClaimRequest } from "../../store";
import { chunks, inKeyOrder } from "../sql";

/** A claim, and who asks it. */
export interface Asked {
  request: ClaimRequest;
  claim: Claim;
  /** The lease that it has already, if any. */
  leaseId: string | null;
}

/** Claims that one statement can take, each with its lease. */
export type Part = Array<Asked & { leaseId: string }>;

const OF_MANY = 200;
const OF_ONE = 100;

/**
 * Claims of several managers share a statement and a lease where the row is known to be the
 * endpoint's own: a lease is fenced by its row, and the row says whose it is. All others go by
 * manager, so that no two managers can take one grant for theirs.
 */
export function inParts(asked: readonly Asked[]): Part[] {
  const own = asked.filter(isOwn);
  const together = own.some(({ request }) => request.managerId !== own[0]!.request.managerId) ? own : [];
  const shared = new Set(together);
  const alone = asked.filter((one) => !shared.has(one));
  return [
    ...layersOf(together).flatMap((layer) => chunks(leased(layer).sort(inOrder), OF_MANY)),
    ...[...groupBy(alone, ({ request }) => `${request.managerId} ${request.endpoint}`).values()].flatMap((group) =>
      [...groupBy(leased(group), ({ leaseId }) => leaseId).values()].flatMap((part) => chunks(part, OF_ONE)),
    ),
  ];
}

function isOwn({ request, claim }: Asked): boolean {
  return claim.known != null && claim.endpoint === request.endpoint;
}

/** In each layer, an endpoint's rows are for one manager under one lease. */
function layersOf(asked: readonly Asked[]): Asked[][] {
  const claimants = new Map<string, string[]>();
  const layers = groupBy(asked, ({ request: { endpoint, managerId }, leaseId }) => {
    const here = claimants.get(endpoint) ?? [];
    const name = `${managerId} ${leaseId}`;
    if (here.length === 0) claimants.set(endpoint, here);
    if (!here.includes(name)) here.push(name);
    return here.indexOf(name);
  });
  return [...layers.values()];
}

function leased(asked: readonly Asked[]): Part {
  const fresh = newId();
  return asked.map(({ request, claim, leaseId }) => ({ request, claim, leaseId: leaseId ?? fresh }));
}

const keyOf = ({ request: { endpoint }, claim: { taskId, job } }: Asked): ResponseKey => ({ taskId, endpoint, job });

function inOrder(a: Asked, b: Asked): number {
  return inKeyOrder(keyOf(a), keyOf(b));
}
