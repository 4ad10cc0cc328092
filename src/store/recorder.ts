import type { AttemptEnd, Claim, ClaimAnswer, EndAnswer, Waiting } from "./managers";

/** The face of the store for who commits the reports of many managers. */

/** What one manager asks to attempt, at its endpoint. */
export interface ClaimRequest {
  managerId: string;
  endpoint: string;
  claims: readonly Claim[];
}

/**
 * Answers in the order of the claims. lost: this incarnation was declared dead, retired or closed;
 * what it was granted would be taken from it at once.
 */
export type ClaimResult = { answers: ClaimAnswer[] } | { lost: true };

export interface Beat {
  managerId: string;
  running: number;
  draining: boolean;
}

/**
 * Each call is the managers' own (ManagerStore) for several of them at once. Answers come in the
 * order given, and no report fails another.
 */
export interface RecorderStore {
  /**
   * As `claim` for each manager. A lease may be shared by several managers, since it is fenced by
   * the row's key as well. After an unknown outcome the whole call is to be repeated.
   */
  claimAll(requests: readonly ClaimRequest[]): Promise<ClaimResult[]>;
  finish(ends: readonly AttemptEnd[]): Promise<EndAnswer[]>;
  received(waiting: readonly Waiting[]): Promise<void>;
  /** The endpoints of these incarnations; one that is not known is left out. */
  endpointsOf(managerIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Whether each is still known. Of several beats of one incarnation the last counts. */
  heartbeats(beats: readonly Beat[]): Promise<boolean[]>;
}
