import { ANY_ENDPOINT } from "../model/names";

/** The label of all endpoints that are not registered. It is no valid name of an endpoint. */
export const UNREGISTERED = "_unregistered";

/**
 * The label of an endpoint. Unregistered names come from requests and have no series of their own.
 */
export function labelOf(endpoint: string, registered: ReadonlySet<string>): string {
  return isShown(endpoint, registered) ? endpoint : UNREGISTERED;
}

export function isShown(label: string, registered: ReadonlySet<string>): boolean {
  return label === ANY_ENDPOINT || label === UNREGISTERED || registered.has(label);
}
