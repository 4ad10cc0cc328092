/**
 * What a key of the HTTP API may do.
 *
 *   read     look at tasks, responses, types, endpoints, events and metrics
 *   submit   create tasks; it does not include read
 *   operate  cancel, retry, stop; includes read
 *   admin    everything, the removal and renaming of endpoints too
 */
export const SCOPES = ["read", "submit", "operate", "admin"] as const;
export type Scope = (typeof SCOPES)[number];
