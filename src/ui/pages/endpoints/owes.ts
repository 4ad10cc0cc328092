import type { Endpoint } from "../../../client/types";

/** Answers that are expected of it and have not come, whatever they wait for. */
export function owes(endpoint: Endpoint): number {
  return Object.values(endpoint.open).reduce((sum, count) => sum + count, 0);
}
