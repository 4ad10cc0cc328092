import { ANY_ENDPOINT } from "../model/names";

/** The label of all endpoints that are not registered. No endpoint can be called so. */
export const UNREGISTERED = "_unregistered";

/** How an endpoint is called in a series: one that anybody could name has none of its own. */
export function labelOf(endpoint: string, registered: ReadonlySet<string>): string {
  return isShown(endpoint, registered) ? endpoint : UNREGISTERED;
}

export function isShown(label: string, registered: ReadonlySet<string>): boolean {
  return label === ANY_ENDPOINT || label === UNREGISTERED || registered.has(label);
}
