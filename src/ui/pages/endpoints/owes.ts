import type { Endpoint } from "../../../client/types";

/** The responses that it owes, in any open status. */
export function owes(endpoint: Endpoint): number {
  return Object.values(endpoint.open).reduce((sum, count) => sum + count, 0);
}
